"""The synapses into one group of neurons, differentiable, and their rounding with straight-through gradient.

A synapse of a program need not be a weight of the model: a delay block's matrices, the accumulator's and the
biases are made of several parameters each, and a projection is rounded anew for each group that reads it. So weights
are folded and joined first and rounded last, and the gradient goes through the rounding as if it were not there, to all
of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dsf_export.arrays import Array
from dsf_export.folding import Affine
from dsf_export.quantise.weight_rounding import round_bias, round_weight
from neuro_runtime.program.weight_format import WeightFormat


@dataclass(frozen=True, eq=False)
class GroupSynapses:
    """All weighed connections into one group, in float64 and the order in which a program lists them.

    Attributes
    ----------
    weights
        (targets, sources) each: one a source and delay; PSSA's gates as (targets, tokens back).
    biases
        (targets,) each: one a delay.
    """

    weights: tuple[Tensor, ...] = ()
    biases: tuple[Tensor, ...] = ()

    @classmethod
    def of_layer(cls, affine: Affine, sources: int = 1) -> GroupSynapses:
        """A layer that reads ``sources`` layers of one size, which stand side by side."""
        return cls(affine.weight.chunk(sources, dim=1), (affine.bias,))

    def like(self, current: Tensor, scale: float) -> GroupSynapses:
        """Times ``scale``, in the precision and on the device of ``current``."""
        weights, biases = (
            tuple((tensor * scale).to(current) for tensor in tensors) for tensors in (self.weights, self.biases)
        )
        return GroupSynapses(weights, biases)


def round_synapses(synapses: GroupSynapses, scale: int, weight_format: WeightFormat) -> GroupSynapses:
    """Each connection as the exporter rounds it; its gradient goes to the real weights unchanged."""
    return GroupSynapses(
        tuple(
            _through(weight, round_weight(_array(weight), scale, weight_format).value) for weight in synapses.weights
        ),
        tuple(_through(item, _rounded_bias(_array(item), scale, weight_format)) for item in synapses.biases),
    )


class _RoundThrough(torch.autograd.Function):
    """The rounded values forward, the real values' gradient backward."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, real: Tensor, rounded: Tensor) -> Tensor:
        return rounded

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return grad_outputs[0], None


def straight_through(real: Tensor, rounded: Tensor) -> Tensor:
    """``rounded`` with the gradient of ``real``."""
    value: Tensor = _RoundThrough.apply(real, rounded)  # type: ignore[no-untyped-call]
    return value


def _through(real: Tensor, rounded: Array) -> Tensor:
    return straight_through(real, torch.from_numpy(rounded).to(real))


def _rounded_bias(bias: Array, scale: int, weight_format: WeightFormat) -> Array:
    """The sum of the bias line's connections."""
    total: Array = np.sum([part.value for part in round_bias(bias, scale, weight_format)], axis=0) / scale
    return total


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy()
    return array
