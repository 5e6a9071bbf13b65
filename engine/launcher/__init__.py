"""A container's birth: engine → launcher → shim → first process, one file per actor."""
