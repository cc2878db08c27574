"""What the screens of the back-office share. Each app's own are in its admin.py.

site     the site: the audit queue at the top, the own password
entry    the form at its door
records  lists and pages of records to look at
making   new records
deeds    what can be done to records, by services
lists    counting and filtering lists
words    links, tables and JSON inside a page
browser  what a browser may do with the pages
"""
