"""What kinds of entries a file system has, in the words that pages and the REST API use."""

import os
import stat

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


def type_of(info: os.stat_result) -> str:
    """`file`, `folder`, `link`, `device`, `pipe` or `socket`."""
    return _TYPES[stat.S_IFMT(info.st_mode)]
