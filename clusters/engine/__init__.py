"""The fleet engine: level-triggered, one reconcile per cluster, the database the only truth.

Map, in the order in which a wish travels:
  bundles    an owner puts, changes or ends its wish
  placing    which bundles belong on which clusters, by set-based statements
  marks      clusters are due now
  nudge      "look now", after commit; losing it costs only time
  claim      due clusters are leased, one worker at a time
  load       rows become plain values: no ORM in the event loop
  plan       what to delete and apply: a pure function of wanted and observed
  health     what an observed workload amounts to: pure
  reconcile  one pass over one cluster: probe, list, delete, apply
  record     results in bulk, where the lease and the generation are still ours
  drive      the rolling window that joins claim, reconcile and record
  sessions   connections and the event loop of this process
  places     how many passes a window holds, and which only wait for an edge
  backoff, outcome, clock, bulk, by_index, pace: what the above stand on
"""
