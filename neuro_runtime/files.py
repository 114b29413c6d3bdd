"""Writing and opening files (the lowest room's helpers, under this room's name), and naming their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hw_profiles.files import atomic_write, require_readable

__all__ = ["atomic_write", "require_readable", "sha256_of"]


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
