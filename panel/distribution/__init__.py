"""The panel's own registry: `/v2/` as the OCI distribution specification 1.1 has it, with the panel's people in it."""
