"""PTBN in training (eqs. 8–10): ``y = λ·(γ_l·x̂_l + β_l) + (1 − λ)·(γ_b·x̂_b + β_b)``.

``x̂_b = (x − μ_c)·r_c`` has its statistics a channel, over all rows (time steps and tokens); ``x̂_l = (x − μ_n)·r_n``
a row, over its channels; r = 1/√(σ² + ε). The gradient of the layer norm is in `dsf_models.kernels.layer_norm`; the
batch norm's is an affine map a channel of ∂y and x,

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

from dsf_models.kernels.compiling import compiled, shared
from dsf_models.kernels.layer_norm import add_tilts, normalise_row, row_gradient
from dsf_models.kernels.moments import Moments, follow, moments_of
from dsf_models.kernels.sharing import CHUNK, Array, array, chunks_of, share, total
from dsf_models.normalisation import PTBN


def parameters(norm: PTBN) -> list[Tensor]:
    """γ_l, β_l, γ_b and β_b."""
    return [norm.layer_norm.weight, norm.layer_norm.bias, norm.batch_norm.weight, norm.batch_norm.bias]


class NormOfBatch:
    """The factors by which ``norms``, of D channels each, side by side, normalise a batch's rows, (rows, norms, D).

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
            for values, parameter in zip(self._parameters, parameters(norm), strict=True):
                values[place] = array(parameter)
            follow(norm.batch_norm, moments, begin=place * self._shape[1])
        self._batch = moments.mean.reshape(self._shape), 1 / np.sqrt(moments.variance + epsilon).reshape(self._shape)
        self._rows = moments.rows
        constants = np.empty((4, *self._shape), kind)
        _write_constants(self._parameters, *self._batch, self.blend, constants)
        self.affine, self.weights, self.mean = constants[:2], constants[2], constants[3]
        self.moments = np.empty((moments.rows if self.blend else 0, len(norms), 2), kind)

    def apart(self, values: Array) -> Array:
        """Channels (..., norms D) as (..., norms, D), in the same memory."""
        return values.reshape(*values.shape[:-1], *self._shape)

    def back(self, sums: Array) -> Back:
        """The factors that going backward takes.

        Parameters
        ----------
        sums
            Σ ∂y, Σ ∂y·(x − μ_c) and, where λ > 0, Σ ∂y·x̂_l of each channel, (3, norms, D) in float64.
        """
        kind = self.affine.dtype
        numbers, gradients = np.empty((3, *self._shape), kind), np.empty((self._shape[0], 4, self._shape[1]), kind)
        _write_gradients(sums, self._parameters[2], *self._batch, self._rows, self.blend, numbers, gradients)
        of_norms = [list(norm.unbind()) for norm in torch.from_numpy(gradients).unbind()]
        return Back(numbers, of_norms if self.blend else [[None, None, *norm[2:]] for norm in of_norms])


class Back(NamedTuple):
    """The part of a norm's gradient that sums over all rows give.

    Attributes
    ----------
    numbers
        (3, norms, D): the batch norm's part of ∂x is ``[0]·∂y + [1]·x + [2]``.
    of_parameters
        Gradients of each norm's parameters.
    """

    numbers: Array
    of_parameters: Sequence[Sequence[Tensor | None]]


class Gradients(NamedTuple):
    """The gradients and sums that come with a gradient of rows.

    Attributes
    ----------
    of_norms
        Gradients of each norm's parameters.
    drift
        Σ ∂x of each channel, (norms D,) in float64, without the batch norm's part, which is 0.
    """

    of_norms: Sequence[Sequence[Tensor | None]]
    drift: Array


class Normalise:
    """A current, (T, tokens, D), into PTBN of it."""

    def __init__(self, norm: PTBN) -> None:
        self.parameters: Sequence[Tensor] = parameters(norm)
        self._norms = [norm]

    def forward(self, given: Array) -> Array:
        self._rows = given.reshape(-1, given.shape[-1])
        self._norm = NormOfBatch(self._norms, moments_of(self._rows), given.dtype)
        return normalise_rows(self._rows, self._norm).reshape(given.shape)

    def backward(self, outer: Array) -> tuple[Array, Sequence[Tensor | None]]:
        gradient = np.empty_like(outer)
        shape = self._rows.shape
        (of_norm,), _ = rows_gradient(self._rows, outer.reshape(shape), self._norm, gradient.reshape(shape))
        return gradient, of_norm


def normalise_rows(rows: Array, norm: NormOfBatch, residual: Array | None = None) -> Array:
    """y of ``rows`` (rows, norms D), added to ``residual`` if there is one."""
    normalised = np.empty_like(rows)
    onto = norm.apart(np.empty((0, rows.shape[1]), rows.dtype) if residual is None else residual)
    constants = norm.affine, norm.weights, norm.epsilon, norm.moments
    share(_normalise, chunks_of(len(rows)), rows.size, norm.apart(rows), *constants, onto, norm.apart(normalised))
    return normalised


def rows_gradient(rows: Array, outer: Array, norm: NormOfBatch, gradient: Array) -> Gradients:
    """Write ∂x of ``rows`` into ``gradient``, from ``outer`` = ∂y; return what else it comes with."""
    chunks, apart = chunks_of(len(rows)), norm.apart(rows)
    partial = np.zeros((chunks, 3, *norm.mean.shape), rows.dtype)
    share(_sum_gradients, chunks, rows.size, apart, norm.apart(outer), norm.mean, norm.moments, partial)
    back = norm.back(total(partial))
    constants = back.numbers, norm.weights, norm.moments
    drift = np.zeros((chunks, *norm.mean.shape), rows.dtype)
    share(_gradient, chunks, rows.size, apart, norm.apart(outer), *constants, norm.apart(gradient), drift)
    return Gradients(back.of_parameters, total(drift).reshape(-1))


@compiled
def _write_constants(parameters: Array, mean: Array, inverse: Array, blend: float, constants: Array) -> None:
    """Affine, weights and mean of a :class:`NormOfBatch`."""
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
    sums: Array, scale: Array, mean: Array, inverse: Array, rows: int, blend: float, numbers: Array, gradients: Array
) -> None:
    """The arrays of a :class:`Back`."""
    norms, channels = mean.shape
    for p in range(norms):
        for c in range(channels):
            of_scale = sums[1, p, c] * inverse[p, c]
            outward = (1 - blend) * scale[p, c] * inverse[p, c]
            slope = -outward * inverse[p, c] * of_scale / rows
            numbers[0, p, c] = outward
            numbers[1, p, c] = slope
            numbers[2, p, c] = -outward * sums[0, p, c] / rows - mean[p, c] * slope
            gradients[p, 0, c] = blend * sums[2, p, c]
            gradients[p, 1, c] = blend * sums[0, p, c]
            gradients[p, 2, c] = (1 - blend) * of_scale
            gradients[p, 3, c] = (1 - blend) * sums[0, p, c]


@shared
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


@shared
def _sum_gradients(chunks: int, rows: Array, outer: Array, mean: Array, moments: Array, partial: Array) -> None:
    """Σ ∂y, Σ ∂y·(x − μ_c) and, where λ > 0, Σ ∂y·x̂_l of each chunk and channel, into zeros."""
    count, norms, channels = rows.shape
    for chunk in prange(chunks):
        plain, centred, by_row = partial[chunk, 0], partial[chunk, 1], partial[chunk, 2]
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for p in range(norms):
                for c in range(channels):
                    plain[p, c] += outer[n, p, c]
                    centred[p, c] += outer[n, p, c] * (rows[n, p, c] - mean[p, c])
            if len(moments) > 0:
                add_tilts(rows[n], outer[n], moments[n], by_row)


@shared
def _gradient(
    chunks: int,
    rows: Array,
    outer: Array,
    numbers: Array,
    weights: Array,
    moments: Array,
    gradient: Array,
    drift: Array,
) -> None:
    count, norms, channels = rows.shape
    for chunk in prange(chunks):
        by_layer = np.zeros((norms, channels), rows.dtype)
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            if len(moments) > 0:
                row_gradient(rows[n], outer[n], weights, moments[n], by_layer, drift[chunk])
            for p in range(norms):
                for c in range(channels):
                    by_batch = numbers[0, p, c] * outer[n, p, c] + numbers[1, p, c] * rows[n, p, c] + numbers[2, p, c]
                    gradient[n, p, c] = by_batch + by_layer[p, c]
