"""Chain ids: what identifies a layer together with everything below it (config.md, "Layer ChainID")."""

import hashlib
from collections.abc import Iterable


def chain_ids(diff_ids: Iterable[str]) -> list[str]:
    """One chain id for each diff id, lowest first; the lowest layer's is its diff id."""
    chain: list[str] = []
    for diff_id in diff_ids:
        joined = f"{chain[-1]} {diff_id}" if chain else ""
        chain.append(f"sha256:{hashlib.sha256(joined.encode()).hexdigest()}" if chain else diff_id)
    return chain
