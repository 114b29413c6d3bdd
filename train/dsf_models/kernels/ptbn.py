"""PTBN in training (eqs. 8–10): ``y = λ·(γ_l·x̂_l + β_l) + (1 − λ)·(γ_b·x̂_b + β_b)``.

``x̂_b = (x − μ_c)·r_c`` has its statistics a channel, over all rows (time steps and tokens); ``x̂_l = (x − μ_n)·r_n``
a row, over its channels; r = 1/√(σ² + ε). With ``h = λ·γ_l ⊙ ∂y`` the gradient through the layer norm is
``∂x = r·(h − ⟨h⟩ − x̂_l·⟨h·x̂_l⟩)``, ⟨·⟩ being a row's mean over channels. The one through the batch norm is an affine
map a channel of ∂y and x,

    ∂x = (1 − λ)·γ_b·r_c·(∂y − ⟨∂y⟩_c − x̂_b·⟨∂y·x̂_b⟩_c) = outward·∂y + slope·x + constant

⟨·⟩_c being a channel's mean over rows. Where λ = 0 nothing of the layer norm is computed. Sums over rows are added up
chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import prange
from torch import Tensor

from dsf_models.kernels.batch_moments import Moments, batch_moments, update_running_statistics
from dsf_models.kernels.parallel import (
    CHUNK,
    Array,
    as_array,
    chunk_count,
    compiled,
    compiled_reassociating,
    parallel,
    run_chunks,
    sum_chunks,
)
from dsf_models.normalisation import PTBN


def norm_parameters(norm: PTBN) -> list[Tensor]:
    """γ_l, β_l, γ_b and β_b."""
    return [norm.layer_norm.weight, norm.layer_norm.bias, norm.batch_norm.weight, norm.batch_norm.bias]


class BatchNormaliser:
    """The constants by which ``norms`` normalise a batch's rows, (rows, norms, D): D channels each, side by side.

    Attributes
    ----------
    blend, epsilon
        λ and the layer norms' ε, one for all.
    affine
        (2, norms, D): all of y but the layer norm's ``weights·x̂_l`` is ``[0]·x + [1]``.
    weights
        λ·γ_l, (norms, D).
    mean
        μ_c, (norms, D).
    moments
        μ_n and r_n, (rows, norms, 2), which going forward writes; of no rows where λ = 0.

    Raises
    ------
    ValueError
        There is one row alone, which has no variance, or the norms are not in training.
    """

    def __init__(self, norms: Sequence[PTBN], moments: Moments, kind: np.dtype[Any]) -> None:
        if moments.rows < 2:
            raise ValueError("a batch norm in training needs more than one value a channel")
        if not all(norm.training for norm in norms):
            raise ValueError("kernels normalise in training alone; evaluate the model that they were made for")
        (self.blend,) = {float(norm.blend) for norm in norms}
        (self.epsilon,) = {norm.layer_norm.eps for norm in norms}
        (epsilon,) = {norm.batch_norm.eps for norm in norms}
        self._shape = len(norms), norms[0].batch_norm.num_features
        self._parameters = np.empty((4, *self._shape), kind)
        for place, norm in enumerate(norms):
            for values, parameter in zip(self._parameters, norm_parameters(norm), strict=True):
                values[place] = as_array(parameter)
            update_running_statistics(norm.batch_norm, moments, begin=place * self._shape[1])
        self._batch = moments.mean.reshape(self._shape), 1 / np.sqrt(moments.variance + epsilon).reshape(self._shape)
        self._rows = moments.rows
        constants = np.empty((4, *self._shape), kind)
        _write_constants(self._parameters, *self._batch, self.blend, constants)
        self.affine, self.weights, self.mean = constants[:2], constants[2], constants[3]
        self.moments = np.empty((moments.rows if self.blend else 0, len(norms), 2), kind)

    def apart(self, values: Array) -> Array:
        """Channels (..., norms D) as (..., norms, D), in the same memory."""
        return values.reshape(*values.shape[:-1], *self._shape)

    def backward(self, sums: Array) -> NormBackward:
        """The norms' part of the gradient.

        Parameters
        ----------
        sums
            Σ ∂y, Σ ∂y·(x − μ_c) and, where λ > 0, Σ ∂y·x̂_l of each channel, (3, norms, D) in float64.
        """
        kind = self.affine.dtype
        coefficients, gradients = np.empty((3, *self._shape), kind), np.empty((self._shape[0], 4, self._shape[1]), kind)
        _write_gradients(sums, self._parameters[2], *self._batch, self._rows, self.blend, coefficients, gradients)
        by_norm = [list(norm.unbind()) for norm in torch.from_numpy(gradients).unbind()]
        return NormBackward(coefficients, by_norm if self.blend else [[None, None, *norm[2:]] for norm in by_norm])


class NormBackward(NamedTuple):
    """The parts of the norms' gradient that follow from sums over all rows.

    Attributes
    ----------
    coefficients
        (3, norms, D): the batch norm's part of ∂x is ``[0]·∂y + [1]·x + [2]``.
    parameters
        Gradients of each norm's parameters.
    """

    coefficients: Array
    parameters: Sequence[Sequence[Tensor | None]]


class NormGradients(NamedTuple):
    """The gradients that come with the one of the rows.

    Attributes
    ----------
    parameters
        Gradients of each norm's parameters.
    input_sum
        Σ ∂x of each channel, (norms D,) in float64, without the batch norm's part, which is 0.
    """

    parameters: Sequence[Sequence[Tensor | None]]
    input_sum: Array


class Normalise:
    """PTBN of a current, (T, tokens, D)."""

    def __init__(self, norm: PTBN) -> None:
        self.parameters: Sequence[Tensor] = norm_parameters(norm)
        self._norms = [norm]

    def forward(self, given: Array) -> Array:
        self._rows = given.reshape(-1, given.shape[-1])
        self._norm = BatchNormaliser(self._norms, batch_moments(self._rows), given.dtype)
        return normalise_rows(self._rows, self._norm).reshape(given.shape)

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        gradient = np.empty_like(grad)
        shape = self._rows.shape
        (grad_norm,), _ = rows_gradient(self._rows, grad.reshape(shape), self._norm, gradient.reshape(shape))
        return gradient, grad_norm


def normalise_rows(rows: Array, norm: BatchNormaliser, residual: Array | None = None) -> Array:
    """y of ``rows`` (rows, norms D), added to ``residual`` if there is one."""
    normalised = np.empty_like(rows)
    onto = norm.apart(np.empty((0, rows.shape[1]), rows.dtype) if residual is None else residual)
    constants = norm.affine, norm.weights, norm.epsilon, norm.moments
    run_chunks(
        _normalise, chunk_count(len(rows)), rows.size, norm.apart(rows), *constants, onto, norm.apart(normalised)
    )
    return normalised


def rows_gradient(rows: Array, grad: Array, norm: BatchNormaliser, gradient: Array) -> NormGradients:
    """Write ∂x of ``rows`` into ``gradient``, from ∂y; return the gradients that come with it."""
    chunks, apart = chunk_count(len(rows)), norm.apart(rows)
    partial = np.zeros((chunks, 3, *norm.mean.shape), rows.dtype)
    run_chunks(_sum_gradients, chunks, rows.size, apart, norm.apart(grad), norm.mean, norm.moments, partial)
    back = norm.backward(sum_chunks(partial))
    constants = back.coefficients, norm.weights, norm.moments
    input_sum = np.zeros((chunks, *norm.mean.shape), rows.dtype)
    run_chunks(_gradient, chunks, rows.size, apart, norm.apart(grad), *constants, norm.apart(gradient), input_sum)
    return NormGradients(back.parameters, sum_chunks(input_sum).reshape(-1))


@compiled
def _write_constants(parameters: Array, mean: Array, inverse: Array, blend: float, constants: Array) -> None:
    """SpikeProduct, weights and mean of a :class:`BatchNormaliser`."""
    layer_scale, layer_shift, scale, shift = parameters
    norms, channels = mean.shape
    for p in range(norms):
        for c in range(channels):
            steepness = scale[p, c] * inverse[p, c]
            constants[0, p, c] = (1 - blend) * steepness
            constants[1, p, c] = (1 - blend) * (shift[p, c] - mean[p, c] * steepness) + blend * layer_shift[p, c]
            constants[2, p, c] = blend * layer_scale[p, c]
            constants[3, p, c] = mean[p, c]


@compiled
def _write_gradients(
    sums: Array,
    scale: Array,
    mean: Array,
    inverse: Array,
    rows: int,
    blend: float,
    coefficients: Array,
    gradients: Array,
) -> None:
    """The arrays of a :class:`NormBackward`."""
    norms, channels = mean.shape
    for p in range(norms):
        for c in range(channels):
            grad_scale = sums[1, p, c] * inverse[p, c]
            outward = (1 - blend) * scale[p, c] * inverse[p, c]
            slope = -outward * inverse[p, c] * grad_scale / rows
            coefficients[0, p, c] = outward
            coefficients[1, p, c] = slope
            coefficients[2, p, c] = -outward * sums[0, p, c] / rows - mean[p, c] * slope
            gradients[p, 0, c] = blend * sums[2, p, c]
            gradients[p, 1, c] = blend * sums[0, p, c]
            gradients[p, 2, c] = (1 - blend) * grad_scale
            gradients[p, 3, c] = (1 - blend) * sums[0, p, c]


@parallel
def _normalise(
    chunks: int,
    rows: Array,
    affine: Array,
    weights: Array,
    epsilon: float,
    moments: Array,
    residual: Array,
    normalised: Array,
) -> None:
    count, norms, channels = rows.shape
    for chunk in prange(chunks):
        by_layer = np.zeros((norms, channels), rows.dtype)
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            if len(moments) > 0:
                normalise_row(rows[n], weights, epsilon, moments[n], by_layer)
            for p in range(norms):
                if len(residual) > 0:
                    for c in range(channels):
                        value = affine[0, p, c] * rows[n, p, c] + affine[1, p, c] + by_layer[p, c]
                        normalised[n, p, c] = residual[n, p, c] + value
                else:
                    for c in range(channels):
                        normalised[n, p, c] = affine[0, p, c] * rows[n, p, c] + affine[1, p, c] + by_layer[p, c]


@parallel
def _sum_gradients(chunks: int, rows: Array, grad: Array, mean: Array, moments: Array, partial: Array) -> None:
    """Σ ∂y, Σ ∂y·(x − μ_c) and, where λ > 0, Σ ∂y·x̂_l of each chunk and channel, into zeros."""
    count, norms, channels = rows.shape
    for chunk in prange(chunks):
        plain, centred, by_row = partial[chunk, 0], partial[chunk, 1], partial[chunk, 2]
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for p in range(norms):
                for c in range(channels):
                    plain[p, c] += grad[n, p, c]
                    centred[p, c] += grad[n, p, c] * (rows[n, p, c] - mean[p, c])
            if len(moments) > 0:
                add_scale_gradient(rows[n], grad[n], moments[n], by_row)


@parallel
def _gradient(
    chunks: int,
    rows: Array,
    grad: Array,
    coefficients: Array,
    weights: Array,
    moments: Array,
    gradient: Array,
    input_sum: Array,
) -> None:
    count, norms, channels = rows.shape
    for chunk in prange(chunks):
        by_layer = np.zeros((norms, channels), rows.dtype)
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            if len(moments) > 0:
                row_gradient(rows[n], grad[n], weights, moments[n], by_layer, input_sum[chunk])
            for p in range(norms):
                for c in range(channels):
                    direct = coefficients[0, p, c] * grad[n, p, c]
                    by_batch = direct + coefficients[1, p, c] * rows[n, p, c] + coefficients[2, p, c]
                    gradient[n, p, c] = by_batch + by_layer[p, c]


@compiled_reassociating
def normalise_row(row: Array, weights: Array, epsilon: float, moments: Array, normalised: Array) -> None:
    """Write ``w ⊙ x̂_l`` of one row, (norms, D), and its moments, μ and r of each norm."""
    norms, channels = row.shape
    inverse_count = row.dtype.type(1 / channels)  # a division by an integer would make all of it float64
    for p in range(norms):
        plain = row.dtype.type(0)
        for c in range(channels):
            plain += row[p, c]
        mean = plain * inverse_count
        squares = row.dtype.type(0)
        for c in range(channels):
            squares += (row[p, c] - mean) * (row[p, c] - mean)
        inverse = row.dtype.type(1 / np.sqrt(squares * inverse_count + epsilon))
        for c in range(channels):
            normalised[p, c] = weights[p, c] * ((row[p, c] - mean) * inverse)
        moments[p, 0] = mean
        moments[p, 1] = inverse


@compiled
def add_scale_gradient(row: Array, grad: Array, moments: Array, scale_gradient: Array) -> None:
    """Add ∂y ⊙ x̂_l, a row's part of ∂γ_l, to ``scale_gradient``."""
    norms, channels = row.shape
    for p in range(norms):
        mean, inverse = moments[p, 0], moments[p, 1]
        for c in range(channels):
            scale_gradient[p, c] += grad[p, c] * ((row[p, c] - mean) * inverse)


@compiled_reassociating
def row_gradient(row: Array, grad: Array, weights: Array, moments: Array, gradient: Array, input_sum: Array) -> None:
    """Write ∂x of one row through the layer norm, and add it to ``input_sum``."""
    norms, channels = row.shape
    inverse_count = row.dtype.type(1 / channels)
    for p in range(norms):
        mean, inverse = moments[p, 0], moments[p, 1]
        plain = row.dtype.type(0)
        along = row.dtype.type(0)
        for c in range(channels):
            inner = weights[p, c] * grad[p, c]
            plain += inner
            along += inner * ((row[p, c] - mean) * inverse)
        offset, slope = plain * inverse_count, along * inverse_count
        for c in range(channels):
            inner = weights[p, c] * grad[p, c]
            gradient[p, c] = inverse * (inner - offset - (row[p, c] - mean) * inverse * slope)
            input_sum[p, c] += gradient[p, c]
