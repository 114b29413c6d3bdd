"""How kernels are shared out: fixed chunks of tokens, whose partial sums are added in their order.

So every result is the same whatever number of threads there is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from numba import config, set_num_threads
from numpy.typing import NDArray
from torch import Tensor

from dsf_models.kernels.compiling import compiled

Array = NDArray[Any]  # float32 or float64

CHUNK = 64  # tokens; with 4 time steps and 512 channels in float32, half a megabyte
_WORTH_A_THREAD = 2**14  # numbers; a second thread costs some microseconds
_MOST_THREADS: int = cast(Any, config).NUMBA_NUM_THREADS  # as many as there are processors


class _Latest(threading.local):
    """The number that numba was told last; telling takes longer than a small kernel, and each thread tells its own."""

    threads = 0


_latest = _Latest()


def chunks_of(tokens: int) -> int:
    """Chunks that ``tokens`` tokens make."""
    return -(-tokens // CHUNK)


def share(kernel: Callable[..., None], chunks: int, numbers: int, *arguments: object) -> None:
    """Call ``kernel(chunks, *arguments)``, on as many threads as PyTorch has.

    Parameters
    ----------
    numbers
        Numbers that one of the arrays holds: small ones are not worth a second thread.
    """
    threads = min(torch.get_num_threads(), chunks, _MOST_THREADS) if numbers >= _WORTH_A_THREAD else 1
    if threads != _latest.threads:
        set_num_threads(threads)
        _latest.threads = threads
    kernel(chunks, *arguments)


def array(tensor: Tensor) -> Array:
    """``tensor`` as an array, in its own memory if that is contiguous."""
    view: Array = tensor.detach().contiguous().numpy()
    return view


def total(partial: Array) -> Array:
    """Sums of chunks (chunks, ...) added up, in order, in float64."""
    summed: Array = np.zeros(partial.shape[1:])
    _add_in_order(partial.reshape(len(partial), -1), summed.reshape(-1))
    return summed


@compiled
def _add_in_order(partial: Array, summed: Array) -> None:
    for chunk in range(len(partial)):
        for n in range(len(summed)):
            summed[n] += partial[chunk, n]
