"""A folder that one process at a time writes into; a process that has died holds nothing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsf_common.errors import UserError

LOCK = ".lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made if it is missing, for as long as the block runs.

    The lock is the kernel's, on a file in the folder: it ends with the process that holds it, however that ends. A
    folder that is still empty at the end is removed.

    Raises
    ------
    UserError
        Another process holds it.
    """
    descriptor = _locked_file(folder)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            (folder / LOCK).unlink()
        os.close(descriptor)
        with suppress(OSError):
            folder.rmdir()  # only succeeds on an empty folder


def _locked_file(folder: Path) -> int:
    """The open lock file; one that its last holder removed meanwhile is tried anew."""
    if blocking := next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None):
        raise UserError(f"{folder} cannot be made a folder: {blocking} is a file; give another name")
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            continue  # its last holder removed the folder
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            os.close(descriptor)
            raise UserError(
                f"{folder} is being written by another process; wait until that has ended, or choose another name"
            ) from problem
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(folder / LOCK)):
                return descriptor
        os.close(descriptor)
