"""How functions of loihi-fast are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit, typeof

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile at the first call, and keep the result on disk for the next process."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: F) -> F:
    """A part of a compiled function, put in its place: calls would copy all members of the tables each time."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(function))


def for_types_of(function: F, *arguments: Any) -> F:
    """A compiled function as it is for ``arguments``, with which it is called once, and for others of the same types.

    At every call numba looks at the types of all arguments to find its code, and at a table's each member; for a
    decision's tables that takes longer than a layer of neurons. Nobody checks the types here, so arrays must be of the
    same dtype, dimensions and layout; whoever calls sees to that.
    """
    function(*arguments)
    of_types = cast(Any, function).overloads[tuple(map(typeof, arguments))]
    return cast(F, of_types.entry_point)
