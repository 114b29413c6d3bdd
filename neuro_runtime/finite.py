"""Whether numbers are numbers, and finite: for vectors so short that the question takes longer than the answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

REAL = frozenset("fiub")  # kinds of numpy's types
LONGEST_SHOWN = 40
FEW = 24  # numbers, for which Python's own loop is the quicker one


def all_finite(numbers: NDArray[Any]) -> bool:
    """Whether none of ``numbers`` is infinite or NaN; for a few, numpy's own ``all`` takes ten times as long."""
    if numbers.ndim == 1 and len(numbers) <= FEW:
        return all(map(math.isfinite, numbers.tolist()))
    return b"\0" not in np.isfinite(numbers).tobytes()


def real_numbers(values: Any) -> NDArray[np.float64] | None:
    """``values`` in float64; None where they are no real numbers: text, complex, objects, or partly masked."""
    try:
        given = np.asanyarray(values)
    except ValueError:  # rows of several lengths
        return None
    if given.dtype.kind not in REAL or (isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given)):
        return None
    return np.asarray(given, dtype=np.float64)


def real_number(value: Any) -> float | None:
    """``value`` as a float; None where it is no single real number."""
    if isinstance(value, float):
        return float(value)
    numbers = real_numbers(value)
    return None if numbers is None or numbers.ndim else float(numbers)


def truth(value: Any) -> bool | None:
    """``value`` as a bool; None where it is none: only a bool, 0 or 1 is, alone or as an array's one entry."""
    if type(value) is bool:
        return value
    numbers = real_numbers(value)
    if numbers is None or numbers.size != 1 or numbers.item() not in (0, 1):
        return None
    return bool(numbers.item())


def shown(value: Any) -> str:
    """A value that somebody's code gave, in a few words: by its type alone where that is long, or cannot be said."""
    kind = f"{value.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
    try:
        said = repr(value)
    except Exception:  # an integer of thousands of digits, or an object of somebody's own
        said = ""
    return f"{said} ({kind})" if 0 < len(said) <= LONGEST_SHOWN else f"a value of type {kind}"
