"""How kernels are shared out: fixed chunks of tokens, whose partial sums are added in their order.

So every result is the same whatever number of threads there is. The threads sleep while they wait: ones that spin would
take the core from PyTorch's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]  # float32 or float64

CHUNK = 64  # tokens; with 4 time steps and 512 channels in float32, half a megabyte
_WORTH_A_THREAD = 2**18  # numbers; a thread takes some 50 µs to wake


def chunks_of(tokens: int) -> int:
    """Chunks that ``tokens`` tokens make."""
    return -(-tokens // CHUNK)


def share(kernel: Callable[..., None], chunks: int, numbers: int, *arguments: object) -> None:
    """Call ``kernel(first, end, *arguments)`` so that all ``chunks`` are done.

    Parameters
    ----------
    numbers
        That one of the arrays holds: small ones are not worth a second thread.
    """
    threads = min(torch.get_num_threads(), chunks) if numbers >= _WORTH_A_THREAD else 1
    bounds = [chunks * thread // threads for thread in range(threads + 1)]
    others = [_pool().submit(kernel, bounds[n], bounds[n + 1], *arguments) for n in range(1, threads)]
    kernel(0, bounds[1], *arguments)
    for other in others:
        other.result()


def array(tensor: Tensor) -> Array:
    """``tensor`` as an array, in its own memory if that is contiguous."""
    view: Array = tensor.detach().contiguous().numpy()
    return view


def total(partial: Array) -> Array:
    """Sums of chunks (chunks, ...) added up, in order, in float64."""
    summed: Array = np.add.reduce(partial, axis=0, dtype=np.float64)
    return summed


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="kernel")
