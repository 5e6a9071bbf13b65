"""The processes of one panel on one machine: which there are, as whom they run, who starts them again.

`python -m panel.supervisor` is `make up` after the set-up: it prepares users, folders and database, then stays in the
foreground as supervisord. Nothing here knows Django; the database step is a process of its own, run as `moorage`.
"""
