"""The engine as an OCI runtime: `python -m engine.runtime create|start|state|kill|delete|…` over bundles.

For other engines that want their containers run by this one: they call it as they call runc. Containers come to life
by the same plan, birth and control groups as the panel's, but no launcher and no shim is involved: their first process
is left to whoever called, or to the subreaper above.
"""
