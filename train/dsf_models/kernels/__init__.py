"""Compiled forms of what a training step spends its time on, each tested against the PyTorch form it stands for.

They serve training on the CPU: float32 or float64, gradients wanted, numba installed. Everything else (a GPU,
evaluation, export, a machine without numba) takes the PyTorch form, which defines what is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import torch
from torch import Tensor

_switch = {"on": find_spec("numba") is not None}


def serves(tensor: Tensor) -> bool:
    """Whether a kernel takes ``tensor``: on the CPU, with gradients wanted, in a precision that is compiled."""
    return (
        _switch["on"]
        and torch.is_grad_enabled()
        and tensor.requires_grad
        and tensor.device.type == "cpu"
        and tensor.dtype in (torch.float32, torch.float64)
    )


def serve_rows(weight: Tensor, spikes: Tensor) -> bool:
    """Whether a kernel takes a layer of this ``weight`` with a batch norm over ``spikes``, which needs two rows."""
    return serves(weight) and weight.dtype is spikes.dtype and spikes.shape[:-1].numel() > 1


@contextmanager
def disabled() -> Iterator[None]:
    """Let the PyTorch forms do everything meanwhile."""
    before = _switch["on"]
    _switch["on"] = False
    try:
        yield
    finally:
        _switch["on"] = before
