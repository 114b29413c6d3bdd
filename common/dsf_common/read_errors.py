"""The cause for which a library could not read a file, told apart: in use, a missing filter, the device, damage."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from dsf_common.errors import UserError

IN_USE = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}
OF_THE_DEVICE = {errno.EIO, errno.ESTALE, errno.ENOMEM, errno.ENXIO, errno.ENODEV, errno.ETIMEDOUT, errno.EMFILE}
LOCKED = ("unable to lock file", "already open")
FILTER = ("filter", "plugin")


def unreadable(path: Path, error: Exception, kind: str, remedy: str) -> UserError:
    """The sentence on ``path``, which could not be read as ``kind`` ("HDF5 dataset"); ``remedy`` is for a damaged one.

    Nothing is advised that removes a file: it may be whole.
    """
    words, number = str(error).lower(), getattr(error, "errno", None)
    if any(word in words for word in LOCKED) or (number in IN_USE and "lock" in words):
        return UserError(f"{path} is in use by another process, which has it open; wait until it is closed, or copy it")
    if any(word in words for word in FILTER):
        return UserError(
            f"{path} is compressed by a filter of HDF5 that is not installed here; install hdf5plugin and import it "
            "first, or write the file anew with gzip"
        )
    if number in OF_THE_DEVICE:
        return UserError(f"{path} cannot be read now: {os.strerror(number)}; look at the disk or the network folder")
    return UserError(f"{path} is no readable {kind} (damaged or cut short); {remedy}")
