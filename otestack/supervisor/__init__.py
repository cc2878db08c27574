"""What `make run` is: one process that starts the others, keeps them up and ends them.

preflight.py   stdlib only, any Python: checks, the virtual environment; then becomes:
__main__.py    the folder's lock, secrets and folders; prints where things are; runs the loop
registry.py    the simulated registry: its files, and the settings that point to it
parts.py       which processes there are and their command lines
loop.py        starts, restarts and ends them; one thread, one selector
process.py     one child process: session, output, signals, death with its parent
ready.py       stdlib only: waits until GET /readyz answers 200

It knows no Django: `manage.py prepare` and `manage.py join` do what needs the database.
"""
