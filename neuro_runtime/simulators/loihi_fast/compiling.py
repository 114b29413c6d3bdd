"""How functions of loihi-fast are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile at the first call, and keep the result on disk for the next process."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: F) -> F:
    """A part of a compiled function, put in its place: calls would copy all members of the tables each time."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(function))
