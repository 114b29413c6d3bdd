"""Options that are given and do nothing in a run, whose network or start has another way."""

from __future__ import annotations

from collections.abc import Sequence

from dsf_common.errors import UserError
from dsf_models.configuration import OPTIONS_OF_SOME_MIXINGS, ModelConfig, Norm, Surrogate
from dsf_train.configuration import TrainConfig

_SWITCHED = (Norm.ptbn, Norm.repbn)
_OF_THE_START = ("delayed_reward", "input_clip", "norm_switch_fraction")  # what quantise=true goes on with has its own


def refuse_idle(pairs: Sequence[str], config: TrainConfig) -> None:
    """Refuse ``key=value`` pairs that do nothing in ``config``, which they are a part of.

    Raises
    ------
    UserError
        There is one.
    """
    for pair in pairs:
        if reason := why_idle(pair, config):
            raise UserError(f"{pair} means nothing {reason}; leave it out.")


def why_idle(pair: str, config: TrainConfig) -> str | None:
    """The reason why an option does nothing in ``config``; None where it does something."""
    key, model = pair.partition("=")[0], config.model
    if config.quantise:
        return "to quantise=true, which goes on with a policy that has its own" if key in _OF_THE_START else None
    if key == "evaluation_episodes" and not config.evaluate_every:
        return "with evaluate_every=0, which evaluates at the end alone, in final_episodes"
    if key == "norm_switch_fraction" and model.kind.has_program and model.norm not in _SWITCHED:
        return f"to model.norm={model.norm.value}, which does not switch"
    if key == "model.surrogate_half_width" and model.surrogate is not Surrogate.rectangle:
        return f"to model.surrogate={model.surrogate.value}, whose width is its own"
    name = key.removeprefix("model.")
    if key == name or name not in OPTIONS_OF_SOME_MIXINGS or not model.kind.has_token_mixing:
        return None
    return None if getattr(model, name) == getattr(ModelConfig(), name) else _why_unread(name, model)


def _why_unread(option: str, model: ModelConfig) -> str | None:
    """The reason why the token mixing does not read an option of others."""
    from dsf_models.mixings import mixing_class  # here, since they bring PyTorch

    reads = mixing_class(model.mixing).reads(model)
    if option in reads:
        return None
    by_head = option == "heads" and "bias_sharing" in reads
    return f"to model.mixing={model.mixing}" + (" but with model.bias_sharing=head" if by_head else "")
