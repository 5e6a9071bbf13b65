"""Secrets at rest (`vault`) and on their way to a host (`sealing`): docs/decisions/0011."""
