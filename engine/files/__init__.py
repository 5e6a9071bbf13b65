"""The files of a container or volume, looked at and changed from outside, whatever those inside do meanwhile.

Every path is resolved by the kernel within the tree (openat2(2), RESOLVE_IN_ROOT); what is opened for reading is known
to be a regular file before; nothing is renamed or removed by a path, only by a name in an open folder.
"""

from engine.files.files import Files
from engine.files.tree import Tree

__all__ = ["Files", "Tree"]
