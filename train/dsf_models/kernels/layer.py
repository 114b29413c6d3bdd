"""A Linear, its PTBN, and what takes the result, as one kernel: neurons, or the residual stream.

``S' = SN(PTBN(W S + b))`` and ``U' = U + PTBN(W S + b)``. Several layers of one width that read the same spikes are
computed as one, their weights one below the other. The gradient of what the norm is given is needed for two products
and then gone, so all layers write it into the same scratch memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from dsf_models.kernels.neuron import Marks
from dsf_models.kernels.ptbn import Gradients, NormOfBatch, normalise_rows, parameters, rows_gradient
from dsf_models.kernels.ptbn_lif import fire_normalised, fire_normalised_back
from dsf_models.kernels.scratch import scratch
from dsf_models.kernels.sharing import Array, array
from dsf_models.kernels.spike_linear import Affine
from dsf_models.lif import Lif
from dsf_models.normalisation import PTBN


class Layer(Protocol):
    """A `SpikingLinear` or a `NormalisedLinear` whose norm is a PTBN."""

    @property
    def linear(self) -> nn.Linear: ...
    @property
    def norm(self) -> PTBN: ...


class FiringLayer(Layer, Protocol):
    """A `SpikingLinear` whose norm is a PTBN."""

    @property
    def neuron(self) -> Lif: ...


class SpikingLayers:
    """Marks of spikes, (T, tokens, inputs), into those of ``layers`` that read them, (T, tokens, ΣD)."""

    def __init__(self, layers: Sequence[FiringLayer]) -> None:
        self.parameters: Sequence[Tensor] = [values for layer in layers for values in _parameters(layer)]
        self._layers = layers
        self._neuron = layers[0].neuron

    def forward(self, given: Marks) -> Marks:
        self._affine, self._norm = _normalised(self._layers, given)
        self._marks = fire_normalised(self._affine.value, self._norm, self._neuron)
        return self._marks

    def backward(self, outer: Array) -> tuple[Array, Sequence[Tensor | None]]:
        current = self._affine.value
        gradient = scratch(current.shape, current.dtype)
        of_rows = fire_normalised_back(outer, self._marks, current, self._norm, self._neuron, gradient)
        return _back(self._affine, gradient, of_rows)


class CurrentLayer:
    """Marks of spikes, (T, tokens, inputs), into a layer's current, (T, tokens, D), added to ``residual`` if given."""

    def __init__(self, layer: Layer, residual: Tensor | None = None) -> None:
        self._residual = () if residual is None else (residual,)
        self.parameters: Sequence[Tensor] = (*_parameters(layer), *self._residual)
        self._layer = layer

    def forward(self, given: Marks) -> Array:
        self._affine, self._norm = _normalised([self._layer], given)
        onto = [_rows(array(residual)) for residual in self._residual]
        raised = normalise_rows(_rows(self._affine.value), self._norm, *onto)
        return raised.reshape(self._affine.value.shape)

    def backward(self, outer: Array) -> tuple[Array, Sequence[Tensor | None]]:
        gradient = scratch(outer.shape, outer.dtype)
        of_rows = rows_gradient(_rows(self._affine.value), _rows(outer), self._norm, _rows(gradient))
        of_spikes, of_parameters = _back(self._affine, gradient, of_rows)
        return of_spikes, (*of_parameters, *(torch.from_numpy(outer) for _ in self._residual))


def _parameters(layer: Layer) -> list[Tensor]:
    return [layer.linear.weight, layer.linear.bias, *parameters(layer.norm)]


def _normalised(layers: Sequence[Layer], given: Marks) -> tuple[Affine, NormOfBatch]:
    """Currents of all layers as of one, and their norms for them."""
    linears = [layer.linear for layer in layers]
    weight, bias = _below([linear.weight for linear in linears]), _below([linear.bias for linear in linears])
    affine = Affine(weight, bias, given)
    return affine, NormOfBatch([layer.norm for layer in layers], affine.moments(), affine.value.dtype)


def _below(parts: Sequence[Tensor]) -> Tensor:
    """``parts`` one below the other; a single one as it is."""
    return parts[0] if len(parts) == 1 else torch.cat([part.detach() for part in parts])


def _back(affine: Affine, gradient: Array, of_rows: Gradients) -> tuple[Array, list[Tensor | None]]:
    """Gradients of the spikes and of each layer's parameters; a bias's is what the batch norm does not take away."""
    of_spikes, of_weight = affine.gradients(gradient)
    of_bias, layers = torch.from_numpy(of_rows.drift).to(of_weight), len(of_rows.of_norms)
    linears = zip(of_weight.chunk(layers), of_bias.chunk(layers), of_rows.of_norms, strict=True)
    return of_spikes, [value for weight, bias, norm in linears for value in (weight, bias, *norm)]


def _rows(values: Array) -> Array:
    """(T, tokens, D) as rows."""
    return values.reshape(-1, values.shape[-1])
