"""The installed version of a distribution."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version(distribution: str) -> str:
    """The version, or "not installed"."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
