"""How kernels are compiled: at the first call for a precision, and kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Arithmetic in the order in which it is written; the interpreter's lock is free meanwhile."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))


def summing(function: F) -> F:
    """The same, but sums may be regrouped, the same way at every call, so that SIMD can add up a row."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})(function))
