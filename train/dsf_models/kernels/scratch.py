"""Memory that a kernel needs only until it returns, kept for the next: still in the cache, and not asked for anew."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

from dsf_models.kernels.sharing import Array


class _Held(threading.local):
    """A thread's own, so that two models may be trained side by side."""

    def __init__(self) -> None:
        self.arrays: dict[np.dtype[Any], Array] = {}


_held = _Held()


def scratch(shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
    """An array of ``shape`` with anything in it: the caller's until this thread asks again for one of its ``kind``."""
    size = math.prod(shape)
    if kind not in _held.arrays or _held.arrays[kind].size < size:
        _held.arrays[kind] = np.empty(size, kind)
    return _held.arrays[kind][:size].reshape(shape)
