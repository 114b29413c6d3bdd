"""The models that have a program, and the reasons why others have none."""

from __future__ import annotations

from dsf_common.errors import UserError
from dsf_export.mixings import lowering_of
from dsf_models.configuration import ModelConfig, ModelKind, Norm
from dsf_models.dsformer import DSFormer
from dsf_models.policy_network import PolicyNetwork
from neuro_runtime.program.limits import DECAY_ONE, LARGEST_DECAY

THRESHOLDS = (1e-2, 1e2)  # beyond these a new model is silent, or fires at everything


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


def settings_without_loihi_form(config: ModelConfig) -> list[str]:
    """A sentence for each setting with which a spiking model trains, and is refused when it is exported for Loihi."""
    if not config.kind.has_program:
        return []
    sentences = []
    mantissa = round((1 - config.beta) * DECAY_ONE)
    if not 1 <= mantissa <= LARGEST_DECAY:
        sentences.append(
            f"model.beta={config.beta:g} is a decay of {mantissa} in Loihi's 12 bits, which hold 1 … {LARGEST_DECAY}: "
            f"choose one from {1 / DECAY_ONE:.3g} to {1 - 1 / DECAY_ONE:.5g}"
        )
    low, high = THRESHOLDS
    if not low <= config.threshold <= high:
        sentences.append(
            f"model.threshold={config.threshold:g} is far from a new model's currents, of the order of 1; weights in "
            f"its units leave Loihi's range: choose one from {low:g} to {high:g}"
        )
    return sentences


def _without_program(kind: ModelKind) -> str:
    """The reason why ``kind`` has no program: the first node that no neuron of a program computes."""
    match kind:
        case ModelKind.spikegpt:
            return (
                "divides sums of exponentials in block0.attention, gates them by a sigmoid, and feeds every Linear "
                "from a LayerNorm and not from spikes"
            )
        case ModelKind.spikebert:
            return (
                "divides by a deviation over all channels in block0.attention.query.norm, a LayerNorm that does not "
                "fold, and adds spikes to whole numbers in block0's shortcuts, which no spike carries"
            )
        case ModelKind.fcnet:
            return "computes with real numbers, not spikes, from block0.fourier on"
        case _:
            return "computes with real numbers, not spikes"


def refuse_without_program(config: ModelConfig) -> None:
    """Refuse a configuration that has no program, with the reason.

    Raises
    ------
    UserError
        A model that does not spike; a normalisation that does not fold; a token mixing that has no lowering
        (`dsf_export.mixings`); or more tokens in view than the context holds.
    """
    if not config.kind.has_program:
        raise UserError(
            f"A model of model.kind={config.kind.value} {_without_program(config.kind)}, so it has no program; "
            "run it by dsf-run --backend torch, or train with model.kind=dsformer or spiking-mlp."
        )
    if config.norm is Norm.tdln:
        raise UserError(
            "tdLN (model.norm=tdln) divides by a deviation over all channels, which changes with every token and time "
            "step and so does not fold into weights; train with model.norm=ptbn, repbn, tdbn or none."
        )
    if not config.kind.has_token_mixing:
        return
    if reason := lowering_of(config.mixing).without_program(config):
        raise UserError(reason)
    if reason := config.more_in_view_than_context():
        raise UserError(f"{reason}.")
