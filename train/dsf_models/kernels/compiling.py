"""How kernels are compiled: at the first call for a precision, and kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from numba import config, get_num_threads, njit

F = TypeVar("F", bound=Callable[..., Any])

# OpenMP first: where it is the GNU one, the symbol that numba calls is found in the library that PyTorch has loaded for
# all, so that kernels and PyTorch's operations run on the same threads and neither's take the cores from the other's.
cast(Any, config).THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]


def _start_threads() -> None:
    """Let numba start its threads, which sets how many OpenMP has, and give PyTorch the number that it had."""
    threads = torch.get_num_threads()
    get_num_threads()
    torch.set_num_threads(threads)


_start_threads()

# Loops over chunks are shared out, as they say themselves (`numba.prange`), and nothing else.
_ONLY_PRANGE: Any = {
    "comprehension": False,
    "reduction": False,
    "inplace_binop": False,
    "setitem": False,
    "numpy": False,
    "stencil": False,
    "fusion": False,
    "prange": True,
}


_ALWAYS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


def compiled(function: F) -> F:
    """Arithmetic in the order in which it is written; the interpreter's lock is free meanwhile."""
    return cast(F, njit(**_ALWAYS)(function))


def compiled_summing(function: F) -> F:
    """The same, but sums may be regrouped, the same way at every call, so that SIMD can add up a row."""
    return cast(F, njit(**_ALWAYS, fastmath={"reassoc"})(function))


def shared(function: F) -> F:
    """A kernel, which `dsf_models.kernels.sharing` calls: in order, its loop over chunks shared out to threads."""
    return cast(F, njit(**_ALWAYS, parallel=_ONLY_PRANGE)(function))
