"""Where normalisation goes when a model leaves PyTorch: the arithmetic of folding, in float64 and differentiable.

In evaluation PTBN is its batch-norm branch, an affine map a channel: ``g = γ/√(var + ε)``, ``W' = diag(g) W``,
``b' = g (b − mean) + β'``; RepBN's skip a·x adds a to the factor of x. Divided by V_th, currents are counted in
thresholds. An export takes the numbers from here and `dsf_train.qat` trains through them, so that what is trained is
what is exported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dsf_common.errors import UserError
from dsf_models.batch_norm import TokenBatchNorm
from dsf_models.normalisation import PTBN
from dsf_models.normalisation_choice import RepPTBN, TdBN
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear


@dataclass(frozen=True, eq=False)
class Affine:
    """``y = weight @ x + bias``, (outputs, inputs) and (outputs,)."""

    weight: Tensor
    bias: Tensor


def fold_norm(norm: nn.Module, name: str, like: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset of a normalisation in evaluation, (D,) each: ``γ/√(var + ε)`` and ``β' − gain·mean``.

    RepBN's skip ``a`` adds to the gain alone. Without a normalisation they are 1 and 0.

    Parameters
    ----------
    name
        The layer that is normalised, for the error.
    like
        A tensor (D,) in float64, whose device they get.

    Raises
    ------
    UserError
        It is not an affine map a channel.
    """
    match norm:
        case nn.Identity():
            return torch.ones_like(like), torch.zeros_like(like)
        case RepPTBN():
            gain, offset = _fold_statistics(norm.batch_norm)
            return gain + norm.skip.double(), offset
        case PTBN() | TdBN():
            return _fold_statistics(norm.batch_norm)
        case _:
            kind = type(norm).__name__
            raise UserError(f"{name} is normalised by {kind}, which does not fold; train with model.norm=ptbn.")


def fold_linear(layer: SpikingLinear | NormalisedLinear, name: str, threshold: float) -> Affine:
    """``norm(W s + b) / threshold``.

    Raises
    ------
    UserError
        Its normalisation does not fold.
    """
    affine = fold_affine(layer.linear)
    gain, offset = fold_norm(layer.norm, name, affine.bias)
    return Affine(gain[:, None] * affine.weight / threshold, (gain * affine.bias + offset) / threshold)


def fold_affine(linear: nn.Linear) -> Affine:
    """A Linear as it is."""
    return Affine(linear.weight.double(), linear.bias.double())


def _fold_statistics(statistics: TokenBatchNorm) -> tuple[Tensor, Tensor]:
    variance, mean = statistics.running_var, statistics.running_mean
    assert variance is not None  # PTBN has no batch norm without statistics
    assert mean is not None
    gain = statistics.weight.double() / _root(variance.double() + statistics.eps)
    return gain, statistics.bias.double() - gain * mean.double()


def _root(variance: Tensor) -> Tensor:
    """The root by numpy, which rounds correctly on every machine; PyTorch's may be one bit off. Nothing learns it."""
    return torch.from_numpy(np.sqrt(variance.cpu().numpy())).to(variance.device)
