"""A Linear on spikes, by tables (`dsf_models.kernels.spike_product`) where its shape allows and densely where it does
not.

    ``Y = S Wᵀ + b``,  ``∂S = ∂Y W``,  ``∂W = ∂Yᵀ S``,  ``∂b = Σ ∂Y``

``∂S`` has no spikes in it and is always a dense product.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dsf_models.kernels import product, spike_product
from dsf_models.kernels.chain import FromNumbers, numbers_after
from dsf_models.kernels.moments import Moments, moments_of
from dsf_models.kernels.neuron import Marks, spikes_of
from dsf_models.kernels.sharing import Array, array


def linear(layer: nn.Linear, spikes: Tensor) -> Tensor:
    """``layer(spikes)``, (..., outputs)."""
    return numbers_after([FromNumbers(), _Linear(layer)], spikes)


class Affine:
    """``S Wᵀ + b`` of a batch of spikes.

    Parameters
    ----------
    weight, bias
        W (outputs, inputs) and b.
    marks
        S in packed form, (..., inputs).
    """

    def __init__(self, weight: Tensor, bias: Tensor, marks: Marks) -> None:
        self._weight = weight.detach()
        self._spikes: Tensor | spike_product.SpikeCodes
        self._moments: Moments | None = None
        if spike_product.fits(weight):
            self._spikes = spike_product.encode(marks)
            sums, self._moments = spike_product.product(self._spikes, self._weight, bias)
        else:
            self._spikes = torch.from_numpy(spikes_of(marks, array(bias).dtype))
            sums = array(product.product(self._spikes, self._weight, bias.detach()))
        self.value: Array = sums.reshape(*marks.shape[:-1], len(weight))

    def moments(self) -> Moments:
        """The moments of each output over all rows; tables' products have them already."""
        return self._moments or moments_of(self.value.reshape(-1, self.value.shape[-1]))

    def gradients(self, outer: Array) -> tuple[Array, Tensor]:
        """``∂S`` and ``∂W`` from ∂Y, (..., outputs)."""
        grad_outputs = torch.from_numpy(outer)
        of_spikes = array(product.product(grad_outputs, self._weight.t()))
        if isinstance(self._spikes, Tensor):
            return of_spikes, product.grad_weight(self._spikes, grad_outputs)
        return of_spikes, spike_product.grad_weight(self._spikes, grad_outputs)


class _Linear:
    def __init__(self, layer: nn.Linear) -> None:
        self.parameters: Sequence[Tensor] = (layer.weight, layer.bias)

    def forward(self, given: Marks) -> Array:
        weight, bias = self.parameters
        self._affine = Affine(weight, bias, given)
        return self._affine.value

    def backward(self, outer: Array) -> tuple[Array, Sequence[Tensor | None]]:
        of_spikes, of_weight = self._affine.gradients(outer)
        return of_spikes, (of_weight, torch.from_numpy(outer).flatten(0, -2).sum(0))
