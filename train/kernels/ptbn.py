"""PTBN in training (eqs. 8–10): ``y = λ·(γ_l·x̂_l + β_l) + (1 − λ)·(γ_b·x̂_b + β_b)``.

``x̂_b = (x − μ_c)·r_c`` has its statistics a channel, over all rows (time steps and tokens); ``x̂_l = (x − μ_n)·r_n``
a row, over its channels; r = 1/√(σ² + ε). With ``h_b = (1 − λ)·γ_b·∂y`` and ``h_l = λ·γ_l·∂y`` the gradient is

    ∂x = r_c·(h_b − ⟨h_b⟩_c − x̂_b·⟨h_b·x̂_b⟩_c) + r_n·(h_l − ⟨h_l⟩_n − x̂_l·⟨h_l·x̂_l⟩_n)

⟨·⟩_c being a channel's mean over rows and ⟨·⟩_n a row's over channels. Where λ = 0 nothing of the second part is
computed. Sums over rows are added up chunk by chunk.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numba import prange
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from train.kernels.batch_norm import Statistics, follow, moments_of
from train.kernels.compiling import shared, shared_summing
from train.kernels.sharing import CHUNK, Array, array, chunks_of, share, total


class Norms(NamedTuple):
    """One norm's two branches: scales and shifts, (D,) each, the layer norm's ε, and λ."""

    layer_scale: Tensor
    layer_shift: Tensor
    batch_scale: Tensor
    batch_shift: Tensor
    layer_epsilon: float
    blend: float


def normalise(current: Tensor, layer_norm: nn.LayerNorm, batch_norm: nn.BatchNorm1d, blend: float) -> Tensor:
    """PTBN of ``current``, (T, tokens, D) of at least two rows, updating the running statistics of ``batch_norm``."""
    rows = current.flatten(0, -2).contiguous()
    statistics = follow(moments_of(array(rows)), [batch_norm])
    norms = Norms(layer_norm.weight, layer_norm.bias, batch_norm.weight, batch_norm.bias, layer_norm.eps, blend)
    normalised: Tensor = _Normalise.apply(rows, statistics, *norms)  # type: ignore[no-untyped-call]
    return normalised.view(current.shape)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        rows: Tensor,
        statistics: Statistics,
        layer_scale: Tensor,
        layer_shift: Tensor,
        batch_scale: Tensor,
        batch_shift: Tensor,
        layer_epsilon: float,
        blend: float,
    ) -> Tensor:
        ctx.save_for_backward(rows, layer_scale, batch_scale)
        kind = array(rows).dtype
        scale, shift = (1 - blend) * statistics.affine(array(batch_scale), array(batch_shift))
        shift += blend * array(layer_shift)
        layer = (blend * array(layer_scale)).astype(kind)
        moments = np.empty((len(rows) if blend else 0, 2), kind)  # of each row: mean and 1/deviation
        normalised = torch.empty_like(rows)
        share(
            _apply,
            chunks_of(len(rows)),
            rows.numel(),
            array(rows),
            scale.astype(kind),
            shift.astype(kind),
            layer,
            layer_epsilon,
            moments,
            array(normalised),
        )
        ctx.statistics, ctx.moments = statistics, moments  # type: ignore[attr-defined]
        ctx.blend = blend  # type: ignore[attr-defined]
        return normalised

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_normalised: Tensor) -> tuple[Tensor | None, ...]:
        rows, layer_scale, batch_scale = ctx.saved_tensors  # type: ignore[attr-defined]
        statistics: Statistics = ctx.statistics  # type: ignore[attr-defined]
        moments: Array = ctx.moments  # type: ignore[attr-defined]
        blend: float = ctx.blend  # type: ignore[attr-defined]
        given, outer = array(rows), array(grad_normalised)
        kind, chunks = given.dtype, chunks_of(len(rows))
        partial = np.empty((chunks, 3, given.shape[1]))
        share(_sum_gradients, chunks, given.size, given, outer, statistics.mean.astype(kind), moments, partial)
        grad_shift, centred, by_row = total(partial)
        grad_scale = centred * statistics.inverse  # Σ ∂y·x̂_b
        outward, slope, constant = (1 - blend) * statistics.gradient(array(batch_scale), grad_scale, grad_shift)
        grad_rows = torch.empty_like(rows)
        share(
            _gradient,
            chunks,
            given.size,
            given,
            outer,
            outward.astype(kind),
            slope.astype(kind),
            constant.astype(kind),
            (blend * array(layer_scale)).astype(kind),
            moments,
            array(grad_rows),
        )
        of_batch = [torch.from_numpy((1 - blend) * grad).to(rows) for grad in (grad_scale, grad_shift)]
        of_layer = [torch.from_numpy(blend * grad).to(rows) if blend else None for grad in (by_row, grad_shift)]
        return grad_rows, None, *of_layer, *of_batch, None, None


@shared_summing
def _apply(
    chunks: int,
    rows: Array,
    scale: Array,
    shift: Array,
    layer: Array,
    epsilon: float,
    moments: Array,
    normalised: Array,
) -> None:
    count, channels = rows.shape
    for chunk in prange(chunks):
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            if len(moments) == 0:
                for c in range(channels):
                    normalised[n, c] = scale[c] * rows[n, c] + shift[c]
            else:
                mean = 0.0
                for c in range(channels):
                    mean += rows[n, c]
                mean /= channels
                variance = 0.0
                for c in range(channels):
                    variance += (rows[n, c] - mean) ** 2
                moments[n, 0] = mean
                moments[n, 1] = 1 / np.sqrt(variance / channels + epsilon)
                for c in range(channels):
                    by_layer = layer[c] * ((rows[n, c] - moments[n, 0]) * moments[n, 1])
                    normalised[n, c] = scale[c] * rows[n, c] + shift[c] + by_layer


@shared
def _sum_gradients(chunks: int, rows: Array, outer: Array, mean: Array, moments: Array, partial: Array) -> None:
    """Σ ∂y, Σ ∂y·(x − μ_c) and, where λ > 0, Σ ∂y·x̂_l of each chunk and channel."""
    count, channels = rows.shape
    for chunk in prange(chunks):
        for c in range(channels):
            partial[chunk, 0, c] = 0
            partial[chunk, 1, c] = 0
            partial[chunk, 2, c] = 0
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                partial[chunk, 0, c] += outer[n, c]
                partial[chunk, 1, c] += outer[n, c] * (rows[n, c] - mean[c])
            if len(moments) > 0:
                for c in range(channels):
                    partial[chunk, 2, c] += outer[n, c] * ((rows[n, c] - moments[n, 0]) * moments[n, 1])


@shared_summing
def _gradient(
    chunks: int,
    rows: Array,
    outer: Array,
    outward: Array,
    slope: Array,
    constant: Array,
    layer: Array,
    moments: Array,
    grad_rows: Array,
) -> None:
    count, channels = rows.shape
    for chunk in prange(chunks):
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                grad_rows[n, c] = outward[c] * outer[n, c] + slope[c] * rows[n, c] + constant[c]
            if len(moments) > 0:
                plain = 0.0
                weighed = 0.0
                for c in range(channels):
                    inner = layer[c] * outer[n, c]
                    plain += inner
                    weighed += inner * ((rows[n, c] - moments[n, 0]) * moments[n, 1])
                offset = rows.dtype.type(plain / channels)
                tilt = rows.dtype.type(weighed / channels)
                for c in range(channels):
                    standard = (rows[n, c] - moments[n, 0]) * moments[n, 1]
                    grad_rows[n, c] += moments[n, 1] * (layer[c] * outer[n, c] - offset - standard * tilt)
