"""A state machine of claim, lease and generation on the real tables (run by test_protocol.py).

edges     clusters' APIs in memory
gated     a driver whose every request waits for a test's word
worker    one claimed cluster and the pass that it is at
books     what was asked for and what was seen, kept apart from the tables
promises  what holds after every step
people    who wishes, labels, ends, retries and removes, and is heard at once
records   what recording a pass may change
claims    what a claim may take, must take and has to leave
workers   who asks, records, or dies
keepers   processes: which one claims, with how many places, and what a dead one kept
stories   what happens before a claim and during the pass: the dangerous orders
calm      what holds once the world calms down
"""
