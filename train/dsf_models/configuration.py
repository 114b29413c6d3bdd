"""Every option of a network, beside its default and the reason for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from dsf_common.errors import UserError
from dsf_common.renamed_options import renamed

MOST_TIME_STEPS = 2**8 - 1  # a neuron's count of spikes then has 8 bits


class ModelKind(Enum):
    """The models that can be trained, each in a file of its own in `dsf_models`."""

    dsformer = "dsformer"
    decision_transformer = "decision-transformer"
    decision_convformer = "decision-convformer"
    mlp = "mlp"  # behaviour cloning: the state alone
    difference_mlp = "difference-mlp"  # the same, told the differences of the last S states and the return
    spiking_mlp = "spiking-mlp"  # a DSFormer whose blocks mix no tokens
    fcnet = "fcnet"  # Fourier Controller Network
    spikegpt = "spikegpt"
    spikebert = "spikebert"  # with causal attention
    cql = "cql"  # conservative Q-learning, as the next two by d3rlpy (`dsf_train.value_learning`): an MLP of the state
    iql = "iql"  # implicit Q-learning
    td3bc = "td3bc"  # TD3+BC

    @property
    def spikes(self) -> bool:
        """Whether spiking neurons are among what computes it."""
        return self.has_program or self in (ModelKind.spikegpt, ModelKind.spikebert)

    @property
    def has_program(self) -> bool:
        """Whether it is a DSFormer or its part, which becomes a program of integer spiking neurons."""
        match self:
            case ModelKind.dsformer | ModelKind.spiking_mlp:
                return True
            case (
                ModelKind.decision_transformer
                | ModelKind.decision_convformer
                | ModelKind.mlp
                | ModelKind.difference_mlp
                | ModelKind.fcnet
                | ModelKind.spikegpt
                | ModelKind.spikebert
                | ModelKind.cql
                | ModelKind.iql
                | ModelKind.td3bc
            ):
                return False
            case _:
                assert_never(self)

    @property
    def learns_values(self) -> bool:
        """Whether it learns from rewards what actions are worth, instead of copying actions."""
        return self in (ModelKind.cql, ModelKind.iql, ModelKind.td3bc)

    @property
    def has_token_mixing(self) -> bool:
        """Whether its blocks have the token mixing that ``model.mixing`` names."""
        return self is ModelKind.dsformer


# Settings which a token mixing may lack, and then refuses; see `dsf_models.mixings.token_mixing.TokenMixing.settings`.
SETTINGS_OF_SOME_MIXINGS = ("mixing_rank", "carry_membranes", "score_limit")
# Options with a default of their own, which mean nothing to some; see `TokenMixing.reads` there.
OPTIONS_OF_SOME_MIXINGS = ("heads", "position_bias", "bias_sharing", "mixing_ratio")


class Norm(Enum):
    """The norm that follows each Linear of a spiking layer (see `dsf_models.normalisation_choice`)."""

    none = "none"
    tdln = "tdln"  # a token's own statistics: does not fold, so it has no program
    tdbn = "tdbn"
    ptbn = "ptbn"  # the paper's
    repbn = "repbn"  # PTBN with the published code's skip in its batch-norm branch

    @property
    def over_batch(self) -> bool:
        """Whether its statistics are those of the batch, in training."""
        return self in (Norm.tdbn, Norm.ptbn, Norm.repbn)


class PositionBias(Enum):
    """The index of PSSA's weights."""

    relative = "relative"  # i − j: streams, so it is the default
    pairwise = "pairwise"  # (i, j) in the window, as the published code: needs the whole window every decision


class BiasSharing(Enum):
    """The channels that share one vector of position weights."""

    layer = "layer"  # the paper
    head = "head"
    channel = "channel"


class Surrogate(Enum):
    """The gradient of a spike by the membrane U, that training takes (see `dsf_models.surrogates`)."""

    published = "published"  # 1 where |U − V_th| < ½: with V_th = ½ no query, key or value of an attention learns
    rectangle = "rectangle"  # 1 where |U − V_th| < surrogate_half_width
    triangle = "triangle"
    arctangent = "arctangent"


@dataclass
class ModelConfig:
    """A model's dimensions, the DSFormer's; the paper's symbols in brackets.

    The baselines use those that they have too. Other choices of their publications are in `dsf_train/recipes`, one file
    a kind, which `model.kind=…` brings.
    """

    kind: ModelKind = ModelKind.dsformer  # a DSFormer, or a baseline
    embedding_size: int = 128  # D
    blocks: int = (
        2  # L, of an MLP the hidden layers; with S = 8 and K = 20, L = 2 leaves room for streaming: L(S − 1) + 1 = 15
    )
    heads: int = 1  # of the attention
    context: int = 20  # K, tokens a decision may look back on
    time_steps: int = 4  # T
    window: int = 8  # S, tokens that a block looks back on, of K at most; Decision ConvFormer's filter, three a token
    mlp_ratio: int = 4  # hidden neurons of a block's MLP, in units of D
    mixing: str = "pssa"  # how a token sees its past, a file each in `dsf_models.mixings`
    mixing_ratio: int = 1  # neurons that delay-matrix compares tokens with, in units of D; other mixings have D
    mixing_rank: int = 0  # R of delay-matrix's matrices, W_j = A_j B; 0 leaves them free
    carry_membranes: bool = False  # whether delay-matrix's neurons go on from token to token instead of starting at 0
    modes: int = 10  # M of FCNet's Fourier transform, the lowest frequencies, (K + 1) / 2 at most
    score_limit: int = 0  # the largest score that TSSA, SSSA and SDSA-3 tell from larger ones; 0 for no limit
    levels: int = 1  # M, neurons a channel that a block's mixing reads, each with an offset of its own
    previous_action: bool = True  # whether a token tells the action before it, which a policy may learn to copy
    norm: Norm = Norm.ptbn  # after each Linear of a spiking layer; tdln has no program
    position_bias: PositionBias = PositionBias.relative  # the index of PSSA's weights; pairwise does not stream
    bias_sharing: BiasSharing = BiasSharing.layer  # who shares one vector of position weights
    beta: float = renamed(0.25, formerly="leak")  # β, the share of the membrane kept from one time step to the next
    threshold: float = 0.5  # V_th
    surrogate: Surrogate = Surrogate.rectangle  # the gradient of a spike by its membrane; published is the paper's
    surrogate_half_width: float = 0.501  # of surrogate=rectangle
    dropout: float = (
        0.1  # share that is left out while training, of Decision Transformer, ConvFormer, MLPs and SpikeGPT
    )
    episode_steps: int = (
        1000  # that Decision Transformer and ConvFormer have an embedding each for; later ones share one
    )
    streaming: bool = True  # refuse dimensions whose streamed answer would differ from the window's

    def __post_init__(self) -> None:
        self.mixing = self.mixing.replace("_", "-")  # delay_matrix is delay-matrix, as with options that are enumerated

    def validate(self) -> None:
        """Refuse impossible dimensions with the reason and, where there is one, the value to choose.

        Raises
        ------
        UserError
            A dimension is not positive, there are more time steps than 8 bits count, heads do not divide D, β or V_th
            is out of range, there is no such token mixing or it lacks a setting, or ``streaming`` is asked of a model
            that cannot stream.
        """
        for name in (
            "embedding_size",
            "blocks",
            "heads",
            "context",
            "time_steps",
            "window",
            "mlp_ratio",
            "mixing_ratio",
            "levels",
            "modes",
            "episode_steps",
        ):
            if getattr(self, name) < 1:
                raise UserError(f"model.{name}={getattr(self, name)} must be at least 1.")
        if self.time_steps > MOST_TIME_STEPS:
            raise UserError(
                f"model.time_steps={self.time_steps} is above {MOST_TIME_STEPS}, whose spikes count as finely as 8 "
                "bits do; choose fewer."
            )
        if self.embedding_size % self.heads:
            raise UserError(
                f"model.heads={self.heads} does not divide model.embedding_size={self.embedding_size}; "
                "choose heads that do."
            )
        if not 0 <= self.beta < 1:
            raise UserError(f"model.beta={self.beta} must be in [0, 1): it is the share of the membrane that is kept.")
        if not 0 < self.threshold < math.inf:
            raise UserError(f"model.threshold={self.threshold} must be positive and finite.")
        if not 0 < self.surrogate_half_width < math.inf:
            raise UserError(f"model.surrogate_half_width={self.surrogate_half_width} must be positive and finite.")
        if not 0 <= self.dropout < 1:
            raise UserError(f"model.dropout={self.dropout} must be in [0, 1): it is the share that is left out.")
        if self.kind is ModelKind.fcnet and self.modes > (self.context + 1) // 2:
            raise UserError(
                f"model.modes={self.modes} is more than model.context={self.context} tokens have frequencies; choose "
                f"model.modes={(self.context + 1) // 2}, or model.context={2 * self.modes - 1}."
            )
        self._validate_mixing()
        reason = self.without_stream()
        if self.streaming and reason is not None:
            raise UserError(f"{reason}, or set model.streaming=false.")

    def _validate_mixing(self) -> None:
        from dsf_models.mixings import mixing_class, mixing_names  # here, since they bring PyTorch

        mixing = mixing_class(self.mixing)
        for setting in SETTINGS_OF_SOME_MIXINGS:
            if getattr(self, setting) and setting not in mixing.settings:
                having = [name for name in mixing_names() if setting in mixing_class(name).settings]
                raise UserError(
                    f"model.{setting} is no setting of model.mixing={self.mixing}; "
                    f"choose model.mixing={' or '.join(having)}, or leave it out."
                )
        mixing.check(self)

    def without_stream(self) -> str | None:
        """The reason why a stream of tokens would be answered otherwise than their window, with a remedy.

        The sentence ends without its full stop; None means that the model streams.
        """
        from dsf_models.mixings import mixing_class  # here, since they bring PyTorch

        if not self.kind.has_token_mixing:
            return None
        return mixing_class(self.mixing).without_stream(self) or self.more_in_view_than_context()

    def more_in_view_than_context(self) -> str | None:
        """The reason why the context is too short for a stream, likewise; None where it holds the receptive field."""
        field_of_view = self.receptive_field
        if field_of_view <= self.context:
            return None
        longest_window = (self.context - 1) // self.blocks + 1
        most_blocks = (self.context - 1) // (self.window - 1)
        choices = [f"model.context={field_of_view}", f"model.window={longest_window}"]
        choices += [f"model.blocks={most_blocks}"] if most_blocks else []
        return (
            f"{self.blocks} blocks with model.window={self.window} see {field_of_view} tokens, L(S − 1) + 1, more "
            f"than model.context={self.context}, so the streamed answer would differ from the window's; choose "
            f"one of {', '.join(choices)}"
        )

    @property
    def mixing_inputs(self) -> int:
        """Neurons that a token mixing reads."""
        return self.embedding_size * self.levels

    @property
    def receptive_field(self) -> int:
        """Tokens that can influence one action when every block looks back S tokens: L(S − 1) + 1; 1 without mixing."""
        if not self.kind.has_token_mixing:
            return 1
        return self.blocks * (self.window - 1) + 1
