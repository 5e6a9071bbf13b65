"""The log of a container: its format, the writer inside the shim, readers and followers outside."""
