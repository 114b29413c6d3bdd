"""Writing files so that a reader never meets half of one, and naming their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hw_profiles.files import atomic_write

__all__ = ["atomic_write", "sha256_of"]


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
