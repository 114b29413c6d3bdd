"""The options of a model that each kind takes; to others they would mean nothing."""

from __future__ import annotations

from dataclasses import fields
from typing import assert_never

from dsf_common.errors import UserError
from dsf_common.renamed_options import former_names
from dsf_models.configuration import ModelConfig, ModelKind

_EVERY = ("kind", "embedding_size", "blocks")
_WINDOWS = (*_EVERY, "context")
_NEURONS = ("beta", "threshold", "surrogate", "surrogate_half_width")
_TRAJECTORY = (*_WINDOWS, "mlp_ratio", "dropout", "previous_action", "episode_steps")
_OF_BASELINES = ("dropout", "episode_steps", "modes")


def settings_of(kind: ModelKind) -> tuple[str, ...]:
    """The names of the options that ``kind`` takes."""
    match kind:
        case ModelKind.dsformer:
            return tuple(field.name for field in fields(ModelConfig) if field.name not in _OF_BASELINES)
        case ModelKind.spiking_mlp:
            return (*_WINDOWS, "time_steps", "mlp_ratio", "previous_action", "norm", *_NEURONS, "streaming")
        case ModelKind.decision_transformer:
            return (*_TRAJECTORY, "heads")
        case ModelKind.decision_convformer:
            return (*_TRAJECTORY, "window")
        case ModelKind.mlp:
            return (*_WINDOWS, "dropout")
        case ModelKind.difference_mlp:
            return (*_WINDOWS, "window", "dropout")
        case ModelKind.fcnet:
            return (*_WINDOWS, "modes", "mlp_ratio", "previous_action")
        case ModelKind.spikegpt:
            return (*_WINDOWS, "mlp_ratio", "dropout", "previous_action", *_NEURONS)
        case ModelKind.spikebert:
            return (*_WINDOWS, "heads", "time_steps", "mlp_ratio", "previous_action", *_NEURONS)
        case ModelKind.cql | ModelKind.iql | ModelKind.td3bc:
            return _EVERY
        case _:
            assert_never(kind)


def is_taken(pair: str, kind: ModelKind) -> bool:
    """Whether a ``key=value`` pair is an option that ``kind`` takes, or one that is not known or not of the model."""
    group, _, name = pair.partition("=")[0].rpartition(".")
    name = former_names(ModelConfig).get(name, name)
    known = {field.name for field in fields(ModelConfig)}
    return group != "model" or name not in known or name in settings_of(kind)


def refuse_others(pairs: list[str], kind: ModelKind) -> None:
    """Refuse options that mean nothing to ``kind``.

    Raises
    ------
    UserError
        There is one; the message says what the kind takes.
    """
    for pair in pairs:
        if not is_taken(pair, kind):
            taken = [f"model.{name}" for name in settings_of(kind) if name != "kind"]
            raise UserError(
                f"{pair.partition('=')[0]} is no option of model.kind={kind.value}, which takes "
                f"{', '.join(taken[:-1])} and {taken[-1]}; leave it out."
            )
