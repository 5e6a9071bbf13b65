"""The log of a container: its format, the writer inside the shim, readers and followers outside.

Empty on purpose: the shim imports `engine.logs.writer` and must not pay for `engine.logs.reader`.
"""
