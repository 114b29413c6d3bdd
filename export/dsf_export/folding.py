"""Where normalisation goes when a model leaves PyTorch: the arithmetic of folding, in float64 and differentiable.

In evaluation PTBN is its batch-norm branch, an affine map a channel: ``g = γ/√(var + ε)``, ``W' = diag(g) W``,
``b' = g (b − mean) + β'``; RepBN's skip a·x adds a to the factor of x. Divided by V_th, currents are counted in
thresholds. `dsf_export.fold` takes the numbers from here and `dsf_train.qat` trains through them, so that what is
trained is what is exported.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dsf_common.errors import UserError
from dsf_models.configuration import GATED, SPIKING, ModelConfig, ModelKind, Norm, PositionBias
from dsf_models.dsformer import Block, DSFormer
from dsf_models.mixing_names import input_names
from dsf_models.mixings.delay import DelayMixing
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.normalisation import PTBN
from dsf_models.normalisation_choice import RepPTBN, TdBN
from dsf_models.policy_network import PolicyNetwork
from dsf_models.population import PopulationLif
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear


def fold_norm(norm: nn.Module, like: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset of a normalisation in evaluation, (D,) each: ``γ/√(var + ε)`` and ``β' − gain·mean``.

    RepBN's skip ``a`` adds to the gain alone. Without a normalisation they are 1 and 0.

    Parameters
    ----------
    like
        A tensor (D,) in float64, whose device they get.

    Raises
    ------
    UserError
        It is not an affine map a channel.
    """
    if isinstance(norm, nn.Identity):
        return torch.ones_like(like), torch.zeros_like(like)
    if not isinstance(norm, (PTBN, TdBN)):
        raise UserError(f"{type(norm).__name__} does not fold into weights; train with model.norm=ptbn.")
    statistics = norm.batch_norm
    deviation = _root(double(statistics.running_var) + statistics.eps)
    gain = double(statistics.weight) / deviation
    offset = double(statistics.bias) - gain * double(statistics.running_mean)
    return gain + double(norm.skip) if isinstance(norm, RepPTBN) else gain, offset


def fold_linear(layer: SpikingLinear | NormalisedLinear, threshold: float) -> tuple[Tensor, Tensor]:
    """Weight (outputs, inputs) and bias (outputs,) of ``norm(W s + b) / threshold``."""
    weight, bias = fold_affine(layer.linear)
    gain, offset = fold_norm(layer.norm, bias)
    return gain[:, None] * weight / threshold, (gain * bias + offset) / threshold


def fold_delay(mixing: DelayMixing | DelayMatrixMixing, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """One matrix a delay (S, width, D); the biases of each token that exists (S, width), and that come once (width,).

    The matrices are ``diag(g₂ p_j) W_v'`` of `delay`, and ``diag(g) W_j`` of `delay-matrix`.
    """
    if isinstance(mixing, DelayMatrixMixing):
        weight, bias = fold_affine(mixing.linear)
        if mixing.shared is not None:  # W_j = A_j B: as many synapses as free matrices have
            weight = weight @ double(mixing.shared)
        biases = bias.view(mixing.window, -1)
        gain, offset = fold_norm(mixing.norm, biases[0])
        scale = gain / threshold
        return scale[:, None] * weight.view(*biases.shape, -1), scale * biases, offset / threshold
    inner_weight, inner_bias = fold_linear(mixing.value, threshold=1.0)
    outer_gain, outer_offset = fold_norm(mixing.norm, inner_bias)
    gain = outer_gain * double(mixing.position.per_channel()) / threshold
    return gain[:, :, None] * inner_weight, gain * inner_bias, outer_offset / threshold


def fold_inputs(block: Block, attention: str, threshold: float) -> dict[str, Tensor | None]:
    """The layers that a block's mixing reads, by name: what each is given besides the residual stream, (D,)."""
    neuron = block.attention_neuron
    offsets = double(neuron.offset) / threshold if isinstance(neuron, PopulationLif) else [None]
    return dict(zip(input_names(attention, block.levels), offsets, strict=True))


def fold_affine(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    """Weight and bias of a Linear as it is."""
    return double(linear.weight), double(linear.bias)


def double(tensor: Tensor | None) -> Tensor:
    """``tensor`` in float64; it must be there."""
    assert tensor is not None  # affine batch norms with running statistics: PTBN has no other
    return tensor.double()


def _root(variance: Tensor) -> Tensor:
    """By numpy, whose roots are correctly rounded on every machine; PyTorch's may be one bit off. Nothing learns it."""
    return torch.from_numpy(np.sqrt(variance.cpu().numpy())).to(variance.device)


def require_program(model: PolicyNetwork) -> DSFormer:
    """``model`` as one that has a program.

    Raises
    ------
    UserError
        It has none; see :func:`refuse_without_program`.
    """
    refuse_without_program(model.config)
    if not isinstance(model, DSFormer):
        raise UserError(f"{type(model).__name__} has no program; train with model.kind=dsformer.")
    return model


def refuse_without_program(config: ModelConfig) -> None:
    """Refuse what has no program, with the reason.

    Raises
    ------
    UserError
        A model that does not spike; a normalisation that does not fold; or no stream layout: TSSA, SSSA, SDSA-1,
        SDSA-3, ``pairwise`` position bias, membranes that carry over, or more tokens in view than the context holds.
    """
    if config.kind not in SPIKING:
        raise UserError(
            f"A model of model.kind={config.kind.value} computes with real numbers, not spikes, so it has no program; "
            "run it by dsf-run --backend torch, or train with model.kind=dsformer or spiking-mlp."
        )
    if config.norm is Norm.tdln:
        raise UserError(
            "tdLN (model.norm=tdln) divides by a deviation over all channels, which changes with every token and time "
            "step and so does not fold into weights; train with model.norm=ptbn, repbn, tdbn or none."
        )
    if config.kind is ModelKind.spiking_mlp:
        return
    if config.mixing == "tssa":
        raise UserError(
            "TSSA (model.mixing=tssa) sums its attention map over all time steps before it can answer and multiplies "
            "by that integer map, which neurons and delays cannot do; train with model.mixing=pssa or delay-matrix."
        )
    if config.mixing == "sssa":
        raise UserError(
            "SSSA (model.mixing=sssa) multiplies spikes by an integer map between all tokens of the window, which "
            "neurons and delays cannot do; train with model.mixing=pssa or delay-matrix."
        )
    if config.mixing == "sdsa1":
        raise UserError(
            "SDSA-1 (model.mixing=sdsa1) sums over every earlier token of the window, which moves, so a stream's sums "
            "are not the window's; train with model.mixing=pssa, which sums over the last S tokens, or delay-matrix."
        )
    if config.mixing == "sdsa3":
        raise UserError(
            "SDSA-3 (model.mixing=sdsa3) multiplies a query by an integer matrix summed over all earlier tokens of the "
            "window, which neurons and delays cannot do; train with model.mixing=pssa or delay-matrix."
        )
    if config.carry_membranes:
        raise UserError(
            "Membranes that carry over from token to token (model.carry_membranes=true) go on for as long as a stream "
            "does, while a window starts anew, and a chip's decay while they wait for the next token; train with "
            "model.carry_membranes=false."
        )
    if config.mixing in GATED and config.position_bias is PositionBias.pairwise:
        raise UserError(
            "A position bias of (i, j) in the window (model.position_bias=pairwise) weighs a token differently at "
            "every decision and cannot stream; train with model.position_bias=relative."
        )
    if config.receptive_field > config.context:
        raise UserError(
            f"{config.blocks} blocks with model.window={config.window} see {config.receptive_field} tokens, "
            f"L(S − 1) + 1, but model.context={config.context}, so a stream would see more than the trained window; "
            f"train with model.context={config.receptive_field} or more, or with a shorter model.window."
        )
