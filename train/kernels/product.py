"""A Linear's three products by oneDNN, which on some CPUs is twice as fast as the library behind `torch.nn.Linear`.

    ``Y = X Wᵀ + b``,  ``∂X = ∂Y W``,  ``∂W = ∂Yᵀ X``,  ``∂b = Σ ∂Y``

Each is the same sum of the same float32 products, added in another order.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from train import kernels


def linear(layer: nn.Linear, inputs: Tensor) -> Tensor:
    """``layer(inputs)``, (..., features), by oneDNN where that serves."""
    if layer.training and kernels.serves(layer.weight) and inputs.dtype is torch.float32 and _has_onednn():
        outputs: Tensor = _Affine.apply(inputs, layer.weight, layer.bias)  # type: ignore[no-untyped-call]
    else:
        outputs = layer(inputs)
    return outputs


@cache
def _has_onednn() -> bool:
    """Whether this PyTorch was built with oneDNN and has the operator that is used here, which is not a public one."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return _product(inputs, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_outputs: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        inputs, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        grad_inputs = _product(grad_outputs, weight.t()) if ctx.needs_input_grad[0] else None  # type: ignore[attr-defined]
        rows, outer = inputs.flatten(0, -2), grad_outputs.flatten(0, -2)
        # oneDNN copies the transposed first factor, so that is the narrower one.
        if rows.shape[1] < outer.shape[1]:
            grad_weight = _product(rows.t(), outer.t()).t()
        else:
            grad_weight = _product(outer.t(), rows.t())
        return grad_inputs, grad_weight, outer.sum(0)


def _product(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``inputs weightᵀ + bias``."""
    outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return outputs
