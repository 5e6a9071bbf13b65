"""The log's format on disk, shared by the writer inside the shim and the readers outside; imports next to nothing.

A log is a folder of numbered segments, `<n>.data` and `<n>.index`, n counting up from 1, and a file `lock`.

* `<n>.data` holds the bytes of the container just as it wrote them, stdout and stderr in the order of their arrival.
* `<n>.index` holds one record of 16 bytes, little endian, for every piece of output or event:

      offset  type  meaning
      0       u64   wall-clock time, nanoseconds since 1970; it can jump back, so order is that of the records
      8       u32   where the piece ends in the data file; it begins where the record before ends (at 0 for the first)
      12      u32   kind in the low 4 bits, the event's number in the high 28

  Kinds 1, 2 and 3 are pieces of stdout, of stderr, and of a stream nobody knows (recovered after a crash). Kinds 4
  and 5 are events, which own no bytes: the end of run `number`, and `number` bytes of output lost because the disk
  took no more (`NUMBER_MAX` stands for that many or more). Kind 0 is what a crash of the machine can leave; it is no
  record.
* `lock` carries an open file description write lock (fcntl(2)) for as long as a run of the container is being logged.
  The kernel drops it with the writing process, however that dies, so a reader can tell a quiet run from a finished one.

The bytes are written before their record, so bytes past the last record are what a crash cut short.
"""

import struct

RECORD = struct.Struct("<QII")
STDOUT, STDERR, UNKNOWN, END, LOST = 1, 2, 3, 4, 5
NUMBER_MAX = (1 << 28) - 1
LOCK_NAME = "lock"
FLOCK = struct.Struct("hhqqi4x")  # struct flock of fcntl(2) on 64-bit Linux: type, whence, start, length, pid


def pack_record(time_ns: int, end: int, kind: int, number: int = 0) -> bytes:
    """One index record as bytes."""
    return RECORD.pack(time_ns, end, kind | min(number, NUMBER_MAX) << 4)


def segment_number(name: str) -> int:
    """The segment an index file's name belongs to, or 0 if it is not the name of an index file."""
    stem, _, extension = name.partition(".")
    return int(stem) if extension == "index" and stem.isascii() and stem.isdigit() else 0


def segment_path(folder: str, number: int, extension: str) -> str:
    """The path of one of a segment's two files, `extension` being `data` or `index`."""
    return f"{folder}/{number}.{extension}"
