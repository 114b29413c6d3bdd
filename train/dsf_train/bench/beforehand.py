"""A sweep's runs, all looked at before the first is trained: what is known is told at once and not hours later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from dsf_common.errors import UserError
from dsf_export.program_requirements import refuse_without_program, settings_without_loihi_form
from dsf_train.configuration import TrainConfig
from dsf_train.dataset_options import DatasetOptions
from dsf_train.datasets import Columns, open_dataset
from dsf_train.room import require_room
from dsf_train.sampling import normalisation_of
from dsf_train.training_state import require_trainable, windows_of
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.episodes.trial import try_environment


def require_runs(configs: Sequence[TrainConfig], elsewhere: bool, exported: bool) -> None:
    """Refuse a sweep one of whose runs cannot be trained.

    Parameters
    ----------
    elsewhere
        Whether other machines carry it out, which have their own memory, data and environments.
    exported
        Whether the policies become programs.

    Raises
    ------
    UserError
        A run's options, environment or data are not usable; the message names the run.
    """
    opened = cache(_opened)
    tried = cache(_tried)
    alike: dict[str, TrainConfig] = {}
    for config in configs:
        alike.setdefault(repr(replace(config, seed=0, name="")), config)
    for config in alike.values():
        try:
            require_trainable(config)
            if exported:
                _require_program(config)
            if not elsewhere:
                require_room(config, load_environment_spec(config.env))
                tried(config.env, config.delayed_reward)
                dataset = opened(config.env, config.dataset, config.dataset_options)
                windows_of(config, dataset, normalisation_of(dataset, return_scale=1.0))
        except UserError as problem:
            raise UserError(f"{config.name} on {config.env}: {problem}") from problem


def _require_program(config: TrainConfig) -> None:
    refuse_without_program(config.model)
    for sentence in settings_without_loihi_form(config.model):
        raise UserError(sentence)


def _tried(environment: str, delayed_reward: bool) -> None:
    try_environment(load_environment_spec(environment), delayed_reward=delayed_reward)


def _opened(environment: str, dataset: str | None, options: DatasetOptions) -> Columns:
    return open_dataset(load_environment_spec(environment), None if dataset is None else Path(dataset), options)
