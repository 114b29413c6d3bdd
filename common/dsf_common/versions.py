"""Versions: of an installed distribution, and of a file that another release wrote."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from numbers import Integral


def installed_version(distribution: str) -> str:
    """The version, or "not installed"."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def if_newer(found: object, newest: int) -> str:
    """The end of a sentence that refuses a file's version: what follows if a newer release wrote it, else nothing."""
    newer = isinstance(found, Integral) and int(found) > newest
    return "; it was made by a newer release, which reads it: upgrade" if newer else ""
