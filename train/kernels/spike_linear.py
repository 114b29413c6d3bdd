"""A Linear on spikes, by tables (`train.kernels.spike_product`) where its shape allows and densely where it does not.

    ``Y = S Wᵀ + b``,  ``∂S = ∂Y W``,  ``∂W = ∂Yᵀ S``,  ``∂b = Σ ∂Y``

``∂S`` has no spikes in it and is always a dense product.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from train.kernels import product, spike_product
from train.kernels.spike_product import SpikeCodes


def linear(layer: nn.Linear, spikes: Tensor, mean_removed: bool) -> Tensor:
    """``layer(spikes)``, (..., outputs).

    Parameters
    ----------
    mean_removed
        Whether all that reads the outputs takes each channel's mean away first, as a batch norm does: the gradient of
        the bias is 0 then, and is not summed up from rounding errors.
    """
    outputs: Tensor = _Affine.apply(spikes, layer.weight, layer.bias, mean_removed)  # type: ignore[no-untyped-call]
    return outputs


def affine(spikes: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor | SpikeCodes]:
    """``spikes weightᵀ + bias``, and what :func:`gradients` will need of the spikes."""
    if not spike_product.fits(weight):
        return product.product(spikes, weight, bias), spikes
    codes = spike_product.encode(spikes)
    return spike_product.product(codes, weight, bias).view(*spikes.shape[:-1], len(weight)), codes


def gradients(ctx: FunctionCtx, weight: Tensor, grad_outputs: Tensor) -> tuple[Tensor | None, Tensor]:
    """``∂S``, if the first input of ``ctx`` wants it, and ``∂W`` of :func:`affine`, whose spikes are ``ctx.kept``."""
    of_spikes = product.product(grad_outputs, weight.t()) if ctx.needs_input_grad[0] else None  # type: ignore[attr-defined]
    kept: Tensor | SpikeCodes = ctx.kept  # type: ignore[attr-defined]
    if isinstance(kept, Tensor):
        return of_spikes, product.grad_weight(kept, grad_outputs)
    return of_spikes, spike_product.grad_weight(kept, grad_outputs)


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, spikes: Tensor, weight: Tensor, bias: Tensor, mean_removed: bool) -> Tensor:
        outputs, ctx.kept = affine(spikes, weight, bias)  # type: ignore[attr-defined]
        ctx.save_for_backward(weight)
        ctx.mean_removed = mean_removed  # type: ignore[attr-defined]
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors  # type: ignore[attr-defined]
        outer = grad_outputs.flatten(0, -2)
        of_bias = outer.new_zeros(outer.shape[1]) if ctx.mean_removed else outer.sum(0)  # type: ignore[attr-defined]
        return *gradients(ctx, weight, grad_outputs), of_bias, None
