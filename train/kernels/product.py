"""A Linear's three products by oneDNN, which on some CPUs is twice as fast as the library behind `torch.nn.Linear`.

    ``Y = X Wᵀ + b``,  ``∂X = ∂Y W``,  ``∂W = ∂Yᵀ X``,  ``∂b = Σ ∂Y``

Each is the same sum of the same float32 products, added in another order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from train import kernels

_switch = {"bfloat16": False}


@contextmanager
def in_bfloat16() -> Iterator[None]:
    """Let :func:`linear` round both factors and the result to bfloat16 meanwhile, where no kernel serves.

    Spikes are 0 or 1, which no rounding changes, so it is the weights that it does, and gradients on their way back.
    """
    before = _switch["bfloat16"]
    _switch["bfloat16"] = True
    try:
        yield
    finally:
        _switch["bfloat16"] = before


def linear(layer: nn.Linear, inputs: Tensor, mean_removed: bool = False) -> Tensor:
    """``layer(inputs)``, (..., features), by oneDNN where that serves.

    Parameters
    ----------
    mean_removed
        Whether all that reads the outputs takes each channel's mean away first, as a batch norm does: the gradient of
        the bias is 0 then, and is not summed up from rounding errors.
    """
    if layer.training and kernels.serves(layer.weight) and inputs.dtype is torch.float32 and _has_onednn():
        outputs: Tensor = _Affine.apply(inputs, layer.weight, layer.bias, mean_removed)  # type: ignore[no-untyped-call]
    elif _switch["bfloat16"]:
        with torch.autocast(inputs.device.type, torch.bfloat16):
            outputs = layer(inputs).to(inputs.dtype)
    else:
        outputs = layer(inputs)
    return outputs


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, weight: Tensor, bias: Tensor, mean_removed: bool) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.mean_removed = mean_removed  # type: ignore[attr-defined]
        return product(inputs, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        grad_inputs = product(grad_outputs, weight.t()) if ctx.needs_input_grad[0] else None  # type: ignore[attr-defined]
        outer = grad_outputs.flatten(0, -2)
        grad_bias = outer.new_zeros(outer.shape[1]) if ctx.mean_removed else outer.sum(0)  # type: ignore[attr-defined]
        return grad_inputs, grad_weight(inputs, grad_outputs), grad_bias, None


def product(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``inputs weightᵀ + bias``, of (..., inputs) and (outputs, inputs)."""
    if inputs.dtype is not torch.float32 or not _has_onednn():
        return torch.nn.functional.linear(inputs, weight, bias)
    outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return outputs


def grad_weight(inputs: Tensor, grad_outputs: Tensor) -> Tensor:
    """``∂W = ∂Yᵀ X`` over all rows."""
    rows, outer = inputs.flatten(0, -2), grad_outputs.flatten(0, -2)
    # oneDNN copies the transposed first factor, so that is the narrower one.
    if rows.shape[1] < outer.shape[1]:
        return product(rows.t(), outer.t()).t()
    return product(outer.t(), rows.t())


@cache
def _has_onednn() -> bool:
    """Whether this PyTorch was built with oneDNN and has the operator that is used here, which is not a public one."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and hasattr(torch.ops.mkldnn, "_linear_pointwise")
