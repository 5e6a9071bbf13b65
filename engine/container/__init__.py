"""A container's life: one file per verb, and `state.py` with what may follow on what."""
