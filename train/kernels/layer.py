"""A Linear, its PTBN at λ = 0, and what takes the result, as one kernel: neurons, or the residual stream.

``S' = SN(BN(W S + b))`` and ``U' = U + BN(W S + b)``. Several layers that read the same spikes are computed as one,
their weights one below the other. The gradient of what the norm is given is needed for two products and then gone, so
all layers write it into the same scratch memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numba import prange
from torch import Tensor, nn

from train.kernels.batch_norm import follow
from train.kernels.chain import FromNumbers, numbers_after
from train.kernels.compiling import shared
from train.kernels.neuron import Marks, Neuron
from train.kernels.ptbn_lif import fire_normalised, fire_normalised_back
from train.kernels.scratch import scratch
from train.kernels.sharing import CHUNK, Array, array, chunks_of, share, total
from train.kernels.spike_linear import Affine

Layer = tuple[nn.Linear, nn.BatchNorm1d]


def spiking_layer(spikes: Tensor, layers: Sequence[Layer], neuron: Neuron) -> Tensor:
    """Spikes of ``layers``, (T, tokens, ΣD), side by side, from the spikes that all of them read."""
    return numbers_after([FromNumbers(), SpikingLayers(layers, neuron)], spikes)


def residual_layer(spikes: Tensor, layer: Layer, residual: Tensor) -> Tensor:
    """``residual`` (T, tokens, D) with the normalised current of ``layer`` added."""
    return numbers_after([FromNumbers(), Raise(layer, residual)], spikes)


class SpikingLayers:
    """Marks of spikes, (T, tokens, inputs), into those of ``layers`` that read them, (T, tokens, ΣD)."""

    def __init__(self, layers: Sequence[Layer], neuron: Neuron) -> None:
        self.parameters: Sequence[Tensor] = _parameters(layers)
        self._norms = [norm for _, norm in layers]
        self._neuron = neuron

    def forward(self, given: Marks) -> Marks:
        weight, bias, scale, shift = _as_one(self.parameters)
        self._affine = Affine(weight, bias, given)
        current = self._affine.value
        self._scale = array(scale)
        self._statistics = follow(self._affine.moments(), self._norms)
        affine = self._statistics.affine(self._scale, array(shift))
        self._marks = fire_normalised(current, affine, self._neuron.numbers(current.dtype))
        return self._marks

    def backward(self, outer: Array) -> tuple[Array, Sequence[Tensor | None]]:
        current = self._affine.value
        gradient = scratch(current.shape, current.dtype)
        of_norm = fire_normalised_back(
            outer, self._marks, current, self._statistics, self._scale, self._neuron.leak, gradient
        )
        of_spikes, of_weight = self._affine.gradients(gradient)
        return of_spikes, _of_each(self._norms, of_weight, *of_norm)


class Raise:
    """Marks of spikes, (T, tokens, inputs), into ``residual``, (T, tokens, D), with a layer's current added."""

    def __init__(self, layer: Layer, residual: Tensor) -> None:
        self.parameters: Sequence[Tensor] = (*_parameters([layer]), residual)
        self._norm = layer[1]

    def forward(self, given: Marks) -> Array:
        weight, bias, scale, shift, residual = self.parameters
        self._affine = Affine(weight, bias, given)
        self._scale = array(scale)
        current = _rows(self._affine.value)
        self._statistics = follow(self._affine.moments(), [self._norm])
        numbers = self._statistics.affine(self._scale, array(shift)).astype(current.dtype)
        raised = np.empty_like(self._affine.value)
        share(_add, chunks_of(len(current)), current.size, current, numbers, _rows(array(residual)), _rows(raised))
        return raised

    def backward(self, outer: Array) -> tuple[Array, Sequence[Tensor | None]]:
        current, rows = _rows(self._affine.value), _rows(outer)
        kind, chunks = current.dtype, chunks_of(len(current))
        partial = np.empty((chunks, 2, current.shape[1]), kind)
        share(_sum_gradients, chunks, current.size, current, rows, self._statistics.mean.astype(kind), partial)
        grad_shift, centred = total(partial)
        grad_scale = centred * self._statistics.inverse
        numbers = self._statistics.gradient(self._scale, grad_scale, grad_shift).astype(kind)
        gradient = scratch(current.shape, kind)
        share(_through_norm, chunks, current.size, current, rows, numbers, gradient)
        of_spikes, of_weight = self._affine.gradients(gradient.reshape(outer.shape))
        return of_spikes, (*_of_each([self._norm], of_weight, grad_scale, grad_shift), torch.from_numpy(outer))


def _parameters(layers: Sequence[Layer]) -> list[Tensor]:
    """Weight, bias, scale and shift of each layer."""
    return [values for linear, norm in layers for values in (linear.weight, linear.bias, norm.weight, norm.bias)]


def _as_one(parameters: Sequence[Tensor]) -> list[Tensor]:
    """Weight, bias, scale and shift of all layers as of one."""
    if len(parameters) == 4:
        return list(parameters)
    return [torch.cat([values.detach() for values in parameters[kind::4]]) for kind in range(4)]


def _of_each(
    norms: Sequence[nn.BatchNorm1d], of_weight: Tensor, grad_scale: Array, grad_shift: Array
) -> list[Tensor | None]:
    """Gradients of each layer's parameters; the bias's is 0, as the norm takes the mean away."""
    of_scale, of_shift = (torch.from_numpy(gradient).to(of_weight) for gradient in (grad_scale, grad_shift))
    widths = [norm.num_features for norm in norms]
    parts = (torch.split(values, widths) for values in (of_weight, torch.zeros_like(of_shift), of_scale, of_shift))
    return [gradient for layer in zip(*parts, strict=True) for gradient in layer]


def _rows(values: Array) -> Array:
    """(T, tokens, D) as rows."""
    return values.reshape(-1, values.shape[-1])


@shared
def _add(chunks: int, current: Array, affine: Array, residual: Array, raised: Array) -> None:
    count, channels = current.shape
    for chunk in prange(chunks):
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                raised[n, c] = residual[n, c] + (affine[0, c] * current[n, c] + affine[1, c])


@shared
def _sum_gradients(chunks: int, current: Array, outer: Array, mean: Array, partial: Array) -> None:
    """Σ ∂y and Σ ∂y·(x − μ) of each chunk and channel."""
    count, channels = current.shape
    for chunk in prange(chunks):
        sums, tilts = partial[chunk, 0], partial[chunk, 1]
        for c in range(channels):
            sums[c] = 0
            tilts[c] = 0
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                sums[c] += outer[n, c]
                tilts[c] += outer[n, c] * (current[n, c] - mean[c])


@shared
def _through_norm(chunks: int, current: Array, outer: Array, numbers: Array, gradient: Array) -> None:
    """``∂x = outward·∂y + slope·x + constant``, a channel."""
    count, channels = current.shape
    for chunk in prange(chunks):
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                gradient[n, c] = numbers[0, c] * outer[n, c] + numbers[1, c] * current[n, c] + numbers[2, c]
