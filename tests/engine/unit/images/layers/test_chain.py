"""Chain ids are what the specification's formula gives."""

import hashlib

from engine.images.layers.chain import chain_ids


def test_each_chain_id_covers_the_layer_and_everything_below() -> None:
    a, b, c = (f"sha256:{digit * 64}" for digit in "abc")
    ab = "sha256:" + hashlib.sha256(f"{a} {b}".encode()).hexdigest()
    abc = "sha256:" + hashlib.sha256(f"{ab} {c}".encode()).hexdigest()
    assert chain_ids([a, b, c]) == [a, ab, abc]
    assert chain_ids([]) == []
