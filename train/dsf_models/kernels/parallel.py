"""How kernels are compiled and run on several threads.

A kernel is compiled at its first call for a precision and kept on disk for the next process. It works on fixed chunks
of tokens, whose partial sums are added in their order, so that no result depends on the number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numba import config, get_num_threads, njit, set_num_threads
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]  # float32 or float64
F = TypeVar("F", bound=Callable[..., Any])

CHUNK = 64  # tokens; with 4 time steps and 512 channels in float32, half a megabyte
_WORTH_A_THREAD = 2**14  # numbers; a second thread costs some microseconds
_MOST_THREADS: int = cast(Any, config).NUMBA_NUM_THREADS  # as many as there are processors

# OpenMP first: where it is the GNU one, the symbol that numba calls is found in the library that PyTorch has loaded for
# all, so that kernels and PyTorch's operations run on the same threads and neither's take the cores from the other's.
cast(Any, config).THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]


def _start_threads() -> None:
    """Let numba start its threads, which sets how many OpenMP has, and give PyTorch the number that it had."""
    threads = torch.get_num_threads()
    get_num_threads()
    torch.set_num_threads(threads)


_start_threads()

# Loops over chunks run on several threads, as they say themselves (`numba.prange`), and nothing else does.
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


_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


def compiled(function: F) -> F:
    """Arithmetic in the order in which it is written; the interpreter's lock is free meanwhile."""
    return cast(F, njit(**_OPTIONS)(function))


def compiled_reassociating(function: F) -> F:
    """The same, but sums may be regrouped, the same way at every call, so that SIMD can add up a row."""
    return cast(F, njit(**_OPTIONS, fastmath={"reassoc"})(function))


def parallel(function: F) -> F:
    """A kernel for :func:`run_chunks`: arithmetic in order, its loop over chunks on several threads."""
    return cast(F, njit(**_OPTIONS, parallel=_ONLY_PRANGE)(function))


def parallel_reassociating(function: F) -> F:
    """The same, but sums may be regrouped, as in :func:`compiled_reassociating`."""
    return cast(F, njit(**_OPTIONS, parallel=_ONLY_PRANGE, fastmath={"reassoc"})(function))


class _Latest(threading.local):
    """The number of threads that numba was told last, a thread's own: telling it takes longer than a small kernel."""

    threads = 0


_latest = _Latest()


def chunk_count(tokens: int) -> int:
    """How many chunks ``tokens`` tokens make."""
    return -(-tokens // CHUNK)


def run_chunks(kernel: Callable[..., None], chunks: int, elements: int, *arguments: object) -> None:
    """Call ``kernel(chunks, *arguments)``, on as many threads as PyTorch has.

    Parameters
    ----------
    elements
        How many numbers one of the arrays holds: small ones are not worth a second thread.
    """
    threads = min(torch.get_num_threads(), chunks, _MOST_THREADS) if elements >= _WORTH_A_THREAD else 1
    if threads != _latest.threads:
        set_num_threads(threads)
        _latest.threads = threads
    kernel(chunks, *arguments)


def as_array(tensor: Tensor) -> Array:
    """``tensor`` as an array, in its own memory if that is contiguous."""
    view: Array = tensor.detach().contiguous().numpy()
    return view


def sum_chunks(partial: Array) -> Array:
    """Sums of chunks (chunks, ...) added up, in order, in float64."""
    summed: Array = np.zeros(partial.shape[1:])
    _add_in_order(partial.reshape(len(partial), -1), summed.reshape(-1))
    return summed


@compiled
def _add_in_order(partial: Array, summed: Array) -> None:
    for chunk in range(len(partial)):
        for n in range(len(summed)):
            summed[n] += partial[chunk, n]
