"""The machine's memory, so that what can never fit is refused before it is begun."""

from __future__ import annotations

import os

from dsf_common.errors import UserError

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def require_memory(needed: int, asked: str) -> None:
    """Refuse what takes more memory than the machine has.

    Parameters
    ----------
    needed
        Bytes, at least.
    asked
        What takes them, such as ``batch_size=64``.

    Raises
    ------
    UserError
        The machine has less.
    """
    has = physical_memory()
    if needed > has:
        raise UserError(f"{asked} takes at least {_spoken(needed)} of memory, and this machine has {_spoken(has)}")


def physical_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _spoken(size: int) -> str:
    power = min(max(size.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    return f"{size / 2 ** (10 * power):,.3g} {_UNITS[power]}" if size < 2**60 else f"{size // 2**50:,} PiB"
