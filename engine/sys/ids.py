"""User and group numbers inside and outside of a user namespace (user_namespaces(7))."""

_NOBODY = 65534


def outside(kind: str, number: int, *, of: int) -> int:
    """What a `uid` or `gid` (`kind`) in the user namespace of process `of` is here; 65534 if it is nobody."""
    with open(f"/proc/{of}/{kind}_map") as file:
        for line in file:
            first, here, count = map(int, line.split())
            if first <= number < first + count:
                return here + number - first
    return _NOBODY
