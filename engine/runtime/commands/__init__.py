"""One module for each command of the command line, imported only when it is called: every call starts anew.

Each has `add_arguments(parser)` and `carry_out(asked, store, diary)`, which returns the exit code or nothing for 0.
"""
