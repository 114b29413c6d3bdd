"""The constants that add to a layer's current, by which firing-rate initialisation raises its rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear


@dataclass(frozen=True)
class BiasedLayer:
    """A layer of spiking neurons that a bias drives.

    Attributes
    ----------
    name
        The layer's, as recorded spikes have it.
    biases
        Adding a number to all of them adds that number to the current of each of the layer's neurons.
    rate
        The share of neurons and time steps that has to fire.
    """

    name: str
    biases: Sequence[Tensor]
    rate: float


def layer_biases(layer: SpikingLinear | NormalisedLinear) -> list[Tensor]:
    """The biases of both branches of the norm, or of the Linear where there is no norm."""
    return norm_biases(layer.norm) or [layer.linear.bias]


def norm_biases(norm: nn.Module) -> list[Tensor]:
    """The biases of each branch of a normalisation; none where it is the identity."""
    return [value for name, value in norm.named_parameters() if name.endswith("_norm.bias")]
