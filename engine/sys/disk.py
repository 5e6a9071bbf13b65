"""What a disk can answer without whoever writes to it being wrong."""

import errno

ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG, errno.ENOMEM})
