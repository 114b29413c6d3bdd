"""Writing files so that a reader never meets half of one, and what to say of a file that cannot be opened."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dsf_common.errors import UserError, first_line

NEXT_TO_NOTHING = 1 << 16  # bytes; a disk that has no more is full


def partial_path(path: Path) -> Path:
    """A name beside ``path`` that no other process has, on this host or, over a shared folder, on another."""
    return path.with_name(f".partial-{uuid.uuid4().hex[:12]}-{path.name}")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` at the end, remove it if the block raises.

    Missing parent folders are made. The temporary name keeps the suffixes, since writers choose a format by them.

    Raises
    ------
    UserError
        A library reports that it could not write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = partial_path(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as problem:  # a full disk, which a failed write does not place, or a folder that takes no file
        if problem.errno is not None and problem.filename in (None, str(temporary)):
            problem.filename = str(path)
        raise
    except RuntimeError as problem:  # in which PyTorch and HDF5 wrap a full disk
        raise UserError(f"{path} cannot be written: {_reason(path.parent, problem)}") from problem
    finally:
        temporary.unlink(missing_ok=True)


def _reason(folder: Path, problem: RuntimeError) -> str:
    """The system's word for a full disk, which libraries swallow; else the library's own."""
    full = shutil.disk_usage(folder).free < NEXT_TO_NOTHING
    return os.strerror(errno.ENOSPC) if full else first_line(problem)


def require_readable(path: Path, absent: str) -> None:
    """Refuse a file that is not there, or that its permissions keep closed, before a reader calls it damaged.

    Raises
    ------
    UserError
        There is no such file (``absent`` is the sentence), or it may not be read.
    """
    if not path.is_file():
        raise UserError(absent)
    if not os.access(path, os.R_OK):
        raise UserError(f"{path} may not be read by this user; change its permissions")


def require_named_files(pairs: Iterable[str], keys: Collection[str]) -> None:
    """Refuse ``key=FILE`` pairs whose file cannot be read, before anything that takes long.

    Parameters
    ----------
    keys
        Those whose values are files; other pairs, and pairs without a value, are passed over.

    Raises
    ------
    UserError
        There is no such file, it is a folder, or it may not be read.
    """
    for key, _, value in (pair.partition("=") for pair in pairs):
        if key not in keys or not value:
            continue
        path = Path(value).expanduser()
        if path.is_dir():
            raise UserError(f"{key}={value} is a folder: name a file")
        require_readable(path, f"there is no file {path}")


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
