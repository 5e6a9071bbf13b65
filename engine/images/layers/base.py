"""The lowest layer of every container: empty places for what is always mounted, where an image has none.

Without it they would be made in the container's writable layer at its first start, which takes longer than all else
done there, and shows as a change.
"""

from pathlib import Path

_FOLDERS = ("dev", "etc", "proc", "sys")
_FILES = ("etc/hosts", "etc/hostname", "etc/resolv.conf")


def make(tree: Path) -> None:
    """Make what is missing of it in the folder `tree`; done by many at once it comes to the same."""
    for name in ("", *_FOLDERS):
        (tree / name).mkdir(parents=True, exist_ok=True)
        (tree / name).chmod(0o755)
    for name in _FILES:
        (tree / name).touch()
        (tree / name).chmod(0o644)
