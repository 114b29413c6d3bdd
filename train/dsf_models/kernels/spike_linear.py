"""A Linear on spikes: by tables (`dsf_models.kernels.spike_product`) where its shape allows, else densely.

    ``Y = S Wᵀ + b``,  ``∂S = ∂Y W``,  ``∂W = ∂Yᵀ S``,  ``∂b = Σ ∂Y``

``∂S`` has no spikes in it and is always a dense product.

Dense products are oneDNN's, which on some CPUs is twice as fast as the library behind `torch.nn.Linear`. Each is the
same sum of the same float32 products, added in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from dsf_models.kernels import spike_product
from dsf_models.kernels.batch_moments import Moments, batch_moments
from dsf_models.kernels.lif import PackedSpikes, unpack
from dsf_models.kernels.parallel import Array, as_array


class SpikeProduct:
    """``S Wᵀ + b`` of a batch of spikes.

    Parameters
    ----------
    weight, bias
        W (outputs, inputs) and b.
    packed
        S in packed form, (..., inputs).
    """

    def __init__(self, weight: Tensor, bias: Tensor, packed: PackedSpikes) -> None:
        self._weight = weight.detach()
        self._spikes: Tensor | spike_product.SpikeCodes
        self._moments: Moments | None = None
        if spike_product.fits(weight):
            self._spikes = spike_product.encode(packed)
            sums, self._moments = spike_product.product(self._spikes, self._weight, bias)
        else:
            self._spikes = torch.from_numpy(unpack(packed, as_array(bias).dtype))
            sums = as_array(dense_product(self._spikes, self._weight, bias.detach()))
        self.value: Array = sums.reshape(*packed.shape[:-1], len(weight))

    def moments(self) -> Moments:
        """Moments of each output over all rows; a product by tables has taken them in passing."""
        return self._moments or batch_moments(self.value.reshape(-1, self.value.shape[-1]))

    def gradients(self, grad: Array) -> tuple[Array, Tensor]:
        """``∂S`` and ``∂W`` from ∂Y, (..., outputs)."""
        grad_outputs = torch.from_numpy(grad)
        grad_spikes = as_array(dense_product(grad_outputs, self._weight.t()))
        if isinstance(self._spikes, Tensor):
            return grad_spikes, dense_grad_weight(self._spikes, grad_outputs)
        return grad_spikes, spike_product.grad_weight(self._spikes, grad_outputs)


class LinearLayer:
    """Packed spikes, (T, tokens, inputs), into ``S Wᵀ + b``, (T, tokens, outputs)."""

    def __init__(self, layer: nn.Linear) -> None:
        self.parameters: Sequence[Tensor] = (layer.weight, layer.bias)

    def forward(self, given: PackedSpikes) -> Array:
        weight, bias = self.parameters
        self._product = SpikeProduct(weight, bias, given)
        return self._product.value

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        grad_spikes, grad_weight = self._product.gradients(grad)
        return grad_spikes, (grad_weight, torch.from_numpy(grad).flatten(0, -2).sum(0))


def dense_product(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``inputs weightᵀ + bias``, of (..., inputs) and (outputs, inputs)."""
    if inputs.dtype is not torch.float32 or not _has_onednn():
        return torch.nn.functional.linear(inputs, weight, bias)
    outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return outputs


def dense_grad_weight(inputs: Tensor, grad_outputs: Tensor) -> Tensor:
    """``∂W = ∂Yᵀ X`` over all rows."""
    rows, grad = inputs.flatten(0, -2), grad_outputs.flatten(0, -2)
    # oneDNN copies the transposed first factor, so that is the narrower one.
    if rows.shape[1] < grad.shape[1]:
        return dense_product(rows.t(), grad.t()).t()
    return dense_product(grad.t(), rows.t())


@cache
def _has_onednn() -> bool:
    """Whether this PyTorch was built with oneDNN and has the operator that is used here, which is not a public one."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and hasattr(torch.ops.mkldnn, "_linear_pointwise")
