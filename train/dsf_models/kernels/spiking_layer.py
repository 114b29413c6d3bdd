"""A Linear, its PTBN, and what takes the result, as one kernel: neurons, or the residual stream.

``S' = SN(PTBN(W S + b))`` and ``U' = U + PTBN(W S + b)``. Several layers of one width that read the same spikes are
computed as one, their weights one below the other. The gradient of what the norm is given is needed for two products
and then gone, so all layers write it into the same memory.

PTBN's result is never stored: one pass over memory goes from the current to the spikes. Backward, one pass makes the
surrogate gradient and the channels' sums that PTBN's gradient needs, and another turns it into ∂x where it stands.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numba import prange
from torch import Tensor, nn

from dsf_models.kernels.lif import PackedSpikes, constants, step, step_back
from dsf_models.kernels.parallel import CHUNK, Array, as_array, chunk_count, parallel, run_chunks, sum_chunks
from dsf_models.kernels.ptbn import (
    BatchNormaliser,
    NormGradients,
    add_scale_gradient,
    norm_parameters,
    normalise_row,
    normalise_rows,
    row_gradient,
    rows_gradient,
)
from dsf_models.kernels.spike_linear import SpikeProduct
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
    """``SN(PTBN(W S + b))``: packed spikes, (T, tokens, inputs), into those of all ``layers``, (T, tokens, ΣD)."""

    def __init__(self, layers: Sequence[FiringLayer]) -> None:
        self.parameters: Sequence[Tensor] = [values for layer in layers for values in _parameters(layer)]
        self._layers = layers
        self._neuron = layers[0].neuron

    def forward(self, given: PackedSpikes) -> PackedSpikes:
        self._product, self._norm = _normalised(self._layers, given)
        self._packed = fire_normalised(self._product.value, self._norm, self._neuron)
        return self._packed

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        current = self._product.value
        gradient = workspace(current.shape, current.dtype)
        gradients = fire_normalised_back(grad, self._packed, current, self._norm, self._neuron, gradient)
        return _back(self._product, gradient, gradients)


class CurrentLayer:
    """``U + PTBN(W S + b)``: packed spikes, (T, tokens, inputs), into a current, (T, tokens, D); U may be left out."""

    def __init__(self, layer: Layer, residual: Tensor | None = None) -> None:
        self._residual = () if residual is None else (residual,)
        self.parameters: Sequence[Tensor] = (*_parameters(layer), *self._residual)
        self._layer = layer

    def forward(self, given: PackedSpikes) -> Array:
        self._product, self._norm = _normalised([self._layer], given)
        onto = [_rows(as_array(residual)) for residual in self._residual]
        raised = normalise_rows(_rows(self._product.value), self._norm, *onto)
        return raised.reshape(self._product.value.shape)

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        gradient = workspace(grad.shape, grad.dtype)
        gradients = rows_gradient(_rows(self._product.value), _rows(grad), self._norm, _rows(gradient))
        grad_spikes, grad_parameters = _back(self._product, gradient, gradients)
        return grad_spikes, (*grad_parameters, *(torch.from_numpy(grad) for _ in self._residual))


def _parameters(layer: Layer) -> list[Tensor]:
    return [layer.linear.weight, layer.linear.bias, *norm_parameters(layer.norm)]


def _normalised(layers: Sequence[Layer], given: PackedSpikes) -> tuple[SpikeProduct, BatchNormaliser]:
    """Currents of all layers as of one, and their norms for them."""
    linears = [layer.linear for layer in layers]
    weight, bias = _below([linear.weight for linear in linears]), _below([linear.bias for linear in linears])
    product = SpikeProduct(weight, bias, given)
    return product, BatchNormaliser([layer.norm for layer in layers], product.moments(), product.value.dtype)


def _below(parts: Sequence[Tensor]) -> Tensor:
    """``parts`` one below the other; a single one as it is."""
    return parts[0] if len(parts) == 1 else torch.cat([part.detach() for part in parts])


def _back(product: SpikeProduct, gradient: Array, norms: NormGradients) -> tuple[Array, list[Tensor | None]]:
    """Gradients of the spikes and of each layer's parameters; a bias's is what the batch norm does not take away."""
    grad_spikes, grad_weight = product.gradients(gradient)
    grad_bias, layers = torch.from_numpy(norms.input_sum).to(grad_weight), len(norms.parameters)
    linears = zip(grad_weight.chunk(layers), grad_bias.chunk(layers), norms.parameters, strict=True)
    return grad_spikes, [value for weight, bias, norm in linears for value in (weight, bias, *norm)]


def _rows(values: Array) -> Array:
    """(T, tokens, D) as rows."""
    return values.reshape(-1, values.shape[-1])


def fire_normalised(current: Array, norm: BatchNormaliser, neuron: Lif) -> PackedSpikes:
    """Packed spikes of neurons given PTBN of ``current``, (T, tokens, norms D)."""
    packed = np.empty(current.shape, np.uint8)
    given = norm.affine, norm.weights, norm.epsilon, norm.moments, constants(neuron, current.dtype)
    run_chunks(_forward, chunk_count(current.shape[1]), current.size, norm.apart(current), *given, norm.apart(packed))
    return packed


def fire_normalised_back(
    grad_spikes: Array, packed: PackedSpikes, current: Array, norm: BatchNormaliser, neuron: Lif, gradient: Array
) -> NormGradients:
    """Write ∂x of :func:`fire_normalised` into ``gradient``; return the gradients that come with it."""
    chunks, apart, inner = chunk_count(current.shape[1]), norm.apart(current), norm.apart(gradient)
    beta = constants(neuron, current.dtype)[0]
    partial = np.zeros((chunks, 3, *norm.mean.shape), current.dtype)
    given = norm.apart(packed), norm.apart(grad_spikes), apart, norm.mean, norm.moments
    run_chunks(_surrogate, chunks, current.size, *given, beta, inner, partial)
    back = norm.backward(sum_chunks(partial))
    input_sum = np.zeros((chunks, *norm.mean.shape), current.dtype)
    run_chunks(
        _through_norm, chunks, current.size, apart, back.coefficients, norm.weights, norm.moments, inner, input_sum
    )
    return NormGradients(back.parameters, sum_chunks(input_sum).reshape(-1))


@parallel
def _forward(
    chunks: int,
    current: Array,
    affine: Array,
    weights: Array,
    epsilon: float,
    moments: Array,
    neuron: Array,
    packed: PackedSpikes,
) -> None:
    steps, tokens, norms, channels = current.shape
    beta, threshold, low, high, zero = neuron
    for chunk in prange(chunks):
        kept = np.empty((norms, channels), current.dtype)
        by_layer = np.zeros((norms, channels), current.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            kept[:] = zero
            for t in range(steps):
                if len(moments) > 0:
                    normalise_row(current[t, token], weights, epsilon, moments[t * tokens + token], by_layer)
                for p in range(norms):
                    for c in range(channels):
                        normalised = affine[0, p, c] * current[t, token, p, c] + affine[1, p, c] + by_layer[p, c]
                        membrane = normalised + beta * kept[p, c]
                        kept[p, c], packed[t, token, p, c] = step(membrane, threshold, low, high, zero)


@parallel
def _surrogate(
    chunks: int,
    packed: PackedSpikes,
    grad_spikes: Array,
    current: Array,
    mean: Array,
    moments: Array,
    beta: float,
    gradient: Array,
    partial: Array,
) -> None:
    """G of each place, and Σ G, Σ G·(x − μ_c) and, where λ > 0, Σ G·x̂_l of each chunk and channel, into zeros."""
    steps, tokens, norms, channels = packed.shape
    zero = current.dtype.type(0)
    for chunk in prange(chunks):
        carried = np.empty((norms, channels), current.dtype)
        plain, centred, by_row = partial[chunk, 0], partial[chunk, 1], partial[chunk, 2]
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            carried[:] = zero
            for t in range(steps - 1, -1, -1):
                for p in range(norms):
                    for c in range(channels):
                        later = beta * carried[p, c]
                        inner = step_back(packed[t, token, p, c], grad_spikes[t, token, p, c], later, zero)
                        away = current[t, token, p, c] - mean[p, c]
                        carried[p, c] = inner
                        gradient[t, token, p, c] = inner
                        plain[p, c] += inner
                        centred[p, c] += inner * away
                if len(moments) > 0:
                    add_scale_gradient(current[t, token], carried, moments[t * tokens + token], by_row)


@parallel
def _through_norm(
    chunks: int, current: Array, coefficients: Array, weights: Array, moments: Array, gradient: Array, input_sum: Array
) -> None:
    """∂x in the place of G."""
    steps, tokens, norms, channels = current.shape
    for chunk in prange(chunks):
        by_layer = np.zeros((norms, channels), current.dtype)
        for t in range(steps):
            for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
                if len(moments) > 0:
                    row_moments = moments[t * tokens + token]
                    row_gradient(
                        current[t, token], gradient[t, token], weights, row_moments, by_layer, input_sum[chunk]
                    )
                for p in range(norms):
                    for c in range(channels):
                        direct = coefficients[0, p, c] * gradient[t, token, p, c]
                        by_batch = direct + coefficients[1, p, c] * current[t, token, p, c] + coefficients[2, p, c]
                        gradient[t, token, p, c] = by_batch + by_layer[p, c]


class _Workspace(threading.local):
    """Memory that a kernel needs only until it returns, kept for the next: still in the cache, and not asked for anew.

    It is a thread's own, so that two models may be trained side by side.
    """

    def __init__(self) -> None:
        self.arrays: dict[np.dtype[Any], Array] = {}


_workspace = _Workspace()


def workspace(shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
    """An array of ``shape`` with anything in it: the caller's until this thread asks again for one of its ``kind``."""
    size = math.prod(shape)
    if kind not in _workspace.arrays or _workspace.arrays[kind].size < size:
        _workspace.arrays[kind] = np.empty(size, kind)
    return _workspace.arrays[kind][:size].reshape(shape)
