"""Products with spikes in bfloat16, which spikes, 0 or 1, are exact in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_switch = {"bfloat16": False}


@contextmanager
def in_bfloat16() -> Iterator[None]:
    """Let :func:`multiply` round weights, result and the gradients of both to bfloat16 meanwhile."""
    before = _switch["bfloat16"]
    _switch["bfloat16"] = True
    try:
        yield
    finally:
        _switch["bfloat16"] = before


def multiply(product: Callable[[Tensor], Tensor], spikes: Tensor) -> Tensor:
    """``product(spikes)``, in the format of ``spikes`` whatever it is computed in; sums are float32's either way."""
    if not _switch["bfloat16"]:
        return product(spikes)
    with torch.autocast(spikes.device.type, torch.bfloat16):
        rounded = product(spikes)
    return rounded.to(spikes.dtype)
