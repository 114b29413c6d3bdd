"""Fold a trained DSFormer: no normalisation layer left but the embedding's, and every threshold 1.

In evaluation PTBN is its batch-norm branch, an affine map a channel, and so are its variants but tdLN; it goes into the
Linear before it (`dsf_export.folding`). Currents are then counted in thresholds, the residual stream included, so the
token's LayerNorm gives its current in thresholds too.
The last norm, the mean over time steps and the head become one affine readout of the residual stream.

The folded policy is plain numpy in float64 and shares nothing with the model it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from dsf_common.errors import UserError
from dsf_export.folding import fold_affine, fold_delay, fold_inputs, fold_linear, fold_norm, require_program
from dsf_models import PolicyNetwork
from dsf_models.dsformer import Block, MlpBlock
from dsf_models.mixings import PlainMixing, mixing_parts
from dsf_models.mixings.delay import DelayMixing
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.mixings.position_weights import RelativeWeights
from dsf_models.mixings.pssa import PSSA
from dsf_models.normalisation import PTBN
from dsf_models.normalisation_choice import TdBN
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Affine:
    """``y = weight @ x + bias``, (outputs, inputs) and (outputs,)."""

    weight: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class FoldedPssa:
    """``SN(q_i ⊙ Σ_{j<S} position_j ⊙ (k_{i−j} ∧ v_{i−j}))``, q, k and v spikes of their own affine maps.

    ``project`` of these spikes joins the residual stream.
    """

    query: Affine
    key: Affine
    value: Affine
    position: Array  # (S, D), in thresholds
    project: Affine


@dataclass(frozen=True, eq=False)
class FoldedDelay:
    """``SN(Σ_{j<S} (weight_j s_{i−j} + past_bias_j) + bias)``; the sum is over tokens that exist.

    ``project`` of these spikes joins the residual stream.
    """

    weight: Array  # (S, width, M D)
    past_bias: Array  # (S, width)
    bias: Array  # (width,)
    project: Affine


@dataclass(frozen=True, eq=False)
class FoldedMlpBlock:
    """A block without token mixing: the two maps of its MLP."""

    mlp_hidden: Affine
    mlp_project: Affine


@dataclass(frozen=True, eq=False)
class FoldedBlock(FoldedMlpBlock):
    """A block: its first layers, the token mixings that read them, and the two maps of the MLP.

    Attributes
    ----------
    inputs
        By name, in the order in which their spikes stand side by side: what each layer is given besides the residual
        stream, (D,), in thresholds, if anything.
    mixings
        By the prefix of their layers' names, in the order in which they join the residual stream.
    """

    inputs: dict[str, Array | None]
    mixings: dict[str, FoldedPssa | FoldedDelay]


@dataclass(frozen=True, eq=False)
class FoldedPolicy:
    """A DSFormer of LIF neurons with threshold 1, affine maps and one LayerNorm.

    Attributes
    ----------
    embedding, norm_weight, norm_bias, norm_epsilon
        The token current ``LayerNorm(embedding(token))``, in thresholds; the host's part.
    readout
        ``action = tanh(readout(mean over t of the residual stream))``.
    beta
        β, the share of a membrane kept from one time step to the next.
    """

    embedding: Affine
    norm_weight: Array
    norm_bias: Array
    norm_epsilon: float
    blocks: tuple[FoldedBlock | FoldedMlpBlock, ...]
    readout: Affine
    beta: float
    time_steps: int
    context: int

    @property
    def size(self) -> int:
        """Channels of the residual stream (D)."""
        return len(self.norm_weight)


def fold(model: PolicyNetwork) -> FoldedPolicy:
    """Fold ``model`` (left as it is).

    Raises
    ------
    UserError
        The model does not spike, cannot stream (TSSA, SSSA, SDSA-1, SDSA-3, ``pairwise`` position bias, membranes
        that carry over, or more tokens in view than the context holds), or a normalisation does not fold (tdLN).
    """
    model = require_program(model)
    config = model.config
    threshold = config.threshold
    _require_foldable(model.last_norm, "last_norm")
    last_gain, last_offset = (_array(tensor) for tensor in fold_norm(model.last_norm, model.embedding.bias.double()))
    head = _affine(model.head)
    return FoldedPolicy(
        embedding=_affine(model.embedding),
        norm_weight=_array(model.embedding_norm.weight) / threshold,
        norm_bias=_array(model.embedding_norm.bias) / threshold,
        norm_epsilon=model.embedding_norm.eps,
        blocks=tuple(
            _fold_block(cast(Block | MlpBlock, block), f"block{n}", threshold) for n, block in enumerate(model.blocks)
        ),
        readout=Affine(head.weight * last_gain * threshold, head.weight @ last_offset + head.bias),
        beta=config.beta,
        time_steps=config.time_steps,
        context=config.context,
    )


def _fold_block(block: Block | MlpBlock, name: str, threshold: float) -> FoldedBlock | FoldedMlpBlock:
    hidden = _fold_linear(block.mlp.hidden, f"{name}.mlp.hidden", threshold)
    project = _fold_linear(block.mlp.project, f"{name}.mlp.project", threshold)
    if isinstance(block, MlpBlock):
        return FoldedMlpBlock(hidden, project)
    attention = f"{name}.attention"
    parts = mixing_parts(block.attention, attention)
    return FoldedBlock(
        inputs={
            layer: None if offset is None else _array(offset)
            for layer, offset in fold_inputs(block, attention, threshold).items()
        },
        mixings={prefix: _fold_mixing(part, prefix, threshold) for prefix, part in parts.items()},
        mlp_hidden=hidden,
        mlp_project=project,
    )


def _fold_mixing(mixing: PlainMixing, name: str, threshold: float) -> FoldedPssa | FoldedDelay:
    if isinstance(mixing, PSSA):
        return _fold_pssa(mixing, name, threshold)
    if isinstance(mixing, DelayMixing | DelayMatrixMixing):
        return _fold_delay(mixing, name, threshold)
    raise UserError(f"{name} mixes tokens by {type(mixing).__name__}, which has no stream layout.")


def _fold_pssa(mixing: PSSA, name: str, threshold: float) -> FoldedPssa:
    if not isinstance(mixing.position, RelativeWeights):
        raise UserError(f"{name} has a pairwise position bias, which cannot stream; train with relative.")
    return FoldedPssa(
        query=_fold_linear(mixing.query, f"{name}.query", threshold),
        key=_fold_linear(mixing.key, f"{name}.key", threshold),
        value=_fold_linear(mixing.value, f"{name}.value", threshold),
        position=_array(mixing.position.per_channel()) / threshold,
        project=_fold_linear(mixing.project, f"{name}.project", threshold),
    )


def _fold_delay(mixing: DelayMixing | DelayMatrixMixing, name: str, threshold: float) -> FoldedDelay:
    """The inner biases come once for every token that exists, the outer one once."""
    if isinstance(mixing, DelayMixing):
        _require_foldable(mixing.value.norm, f"{name}.value")
    _require_foldable(mixing.norm, f"{name}.norm")
    weight, past_bias, bias = fold_delay(mixing, threshold)
    project = _fold_linear(mixing.project, f"{name}.project", threshold)
    return FoldedDelay(_array(weight), _array(past_bias), _array(bias), project)


def _fold_linear(layer: SpikingLinear | NormalisedLinear, name: str, threshold: float) -> Affine:
    _require_foldable(layer.norm, name)
    weight, bias = fold_linear(layer, threshold)
    return Affine(_array(weight), _array(bias))


def _require_foldable(norm: nn.Module, name: str) -> None:
    if not isinstance(norm, (PTBN, TdBN, nn.Identity)):
        raise UserError(
            f"{name} is normalised by {type(norm).__name__}, which does not fold; train with model.norm=ptbn."
        )


def _affine(linear: nn.Linear) -> Affine:
    return Affine(*(_array(tensor) for tensor in fold_affine(linear)))


def _array(tensor: Tensor) -> Array:
    return tensor.detach().cpu().double().numpy().copy()
