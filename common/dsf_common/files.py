"""Writing files so that a reader never meets half of one, and what to say of a file that cannot be opened."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsf_common.errors import UserError


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` at the end, remove it if the block raises.

    Missing parent folders are made. The temporary name keeps the suffixes, since writers choose a format by them.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
