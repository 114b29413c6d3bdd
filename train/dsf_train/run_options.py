"""The options of a training run, from recipes and ``key=value`` pairs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from dsf_common.errors import UserError
from dsf_common.key_value_options import compose
from dsf_common.numbered_names import serving_file, with_number
from dsf_common.plain_values import plain
from dsf_models.configuration import ModelKind
from dsf_models.kind_settings import refuse_others
from dsf_train.configuration import TrainConfig
from dsf_train.idle_options import refuse_idle
from dsf_train.run_folder import RunFolder
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.policy_files import find_policy


def training_config(overrides: list[str]) -> TrainConfig:
    """Defaults, then the environment's recipe, then the baseline's, then the command line's ``key=value`` pairs.

    Raises
    ------
    UserError
        No environment is named; a key or a value is unknown, and the nearest valid ones are named; or an option of the
        model means nothing to its kind.
    """
    environment = _environment_of(overrides)
    overrides = [f"env={environment}", *overrides]
    load_environment_spec(environment)
    if compose(TrainConfig, overrides).quantise:
        _refuse_dimensions(overrides)
        pairs = [*_without_model(recipe(environment)), *recipe("quantise"), *overrides]
        config = compose(TrainConfig, pairs)
        refuse_idle(overrides, config)
        return config
    _refuse_without_quantise(overrides)
    pairs = [*recipe(environment), *overrides]
    kind = compose(TrainConfig, pairs).model.kind
    refuse_others(overrides, kind)
    _refuse_unread(overrides, kind)
    read = [pair for pair in recipe(environment) if not _is_unread(pair, kind)]
    config = compose(TrainConfig, [*read, *recipe(kind.value), *overrides])
    refuse_idle(overrides, config)
    if kind is ModelKind.dsformer or not config.whole_episodes or _given(overrides, "model.context"):
        return config
    return _holding_an_episode(config, compose(TrainConfig, [*read, *overrides]).model.context)


def _holding_an_episode(config: TrainConfig, context: int) -> TrainConfig:
    """``config`` with the environment's ``context`` where that is longer than the published one of its kind.

    Whole episodes have to fit into it, and the environment's recipe knows how long they are.
    """
    return replace(config, model=replace(config.model, context=max(context, config.model.context)))


def _environment_of(overrides: list[str]) -> str:
    """The environment that is named, or else the one that the dataset was recorded in."""
    if names := _given(overrides, "env"):
        return names[-1]
    compose(TrainConfig, ["env=unnamed", *overrides])  # a wrong pair is told first: it may be meant for env=
    for dataset in _given(overrides, "dataset")[-1:]:
        from dsf_train.datasets.recorded_environment import recorded_environment

        if name := recorded_environment(dataset):
            return name
    raise UserError("Name the environment to train for, such as env=pendulum; dsf-data list shows them all.")


def resumed_config(overrides: list[str]) -> TrainConfig:
    """The options that a run was started with; ``overrides`` find it by ``env``, ``name`` and ``output``.

    Raises
    ------
    UserError
        There is no such run, or it is damaged.
    """
    overrides = [f"env={_environment_of(overrides)}", *overrides]
    stored = RunFolder.of(compose(TrainConfig, overrides)).stored_options()
    return compose(TrainConfig, [*pairs_of(stored), *overrides])


# The options of a run that an import reads, beside those of the model.
_TAKEN_BY_IMPORT = ("env", "dataset", "unfinished", "observation_keys", "action_low", "action_high", "name", "output")


def refuse_beside_import(overrides: list[str], scored: bool) -> None:
    """Refuse options of training, where a published checkpoint is imported and nothing is trained.

    Parameters
    ----------
    scored
        Whether the policy is scored, in final_episodes.

    Raises
    ------
    UserError
        There is one.
    """
    taken = (*_TAKEN_BY_IMPORT, "final_episodes") if scored else _TAKEN_BY_IMPORT
    for key in (pair.partition("=")[0] for pair in overrides):
        if key not in taken and not key.startswith("model."):
            raise UserError(f"{key} is of training, and --import-published does not train; leave it out.")


def require_files(config: TrainConfig) -> None:
    """Refuse a dataset or a policy that is named and not there, before anything that takes long.

    Raises
    ------
    UserError
        There is no such dataset or policy.
    """
    if config.dataset is not None:
        from dsf_train.datasets.locate import named_dataset  # which brings Gymnasium

        named_dataset(config.dataset)
    if config.policy is not None:
        find_policy(config.policy)


def pairs_of(options: Mapping[str, Any]) -> list[str]:
    """Options as Python has them, those of the model in a mapping of their own, as ``key=value`` pairs."""
    return [f"{key}={'null' if value is None else value}" for key, value in _flat(plain(dict(options)))]


def how_to_go_on(config: TrainConfig) -> str:
    """The sentence for a run that was interrupted."""
    pairs = [f"env={config.env}", *([f"name={config.name}"] if config.name != TrainConfig.name else [])]
    pairs += [f"output={config.output}"] if config.output != TrainConfig.output else []
    if not RunFolder.of(config).config.exists():
        return "nothing was begun"
    return f"go on with it by dsf-train {shlex.join(pairs)} --resume"


def _given(overrides: list[str], key: str) -> list[str]:
    return [pair.split("=", 1)[1] for pair in overrides if pair.startswith(f"{key}=")]


def _refuse_dimensions(overrides: list[str]) -> None:
    for pair in overrides:
        if pair.startswith("model."):
            raise UserError(f"quantise=true takes the dimensions of the policy that it goes on with; leave out {pair}.")


def _refuse_without_quantise(overrides: list[str]) -> None:
    for pair in overrides:
        if pair.startswith("quantise_"):
            raise UserError(f"{pair} has a meaning with quantise=true only; add quantise=true.")


# Options of the optimiser and of cloning that mean nothing to value learning.
_UNREAD_BY_VALUE_LEARNING = (
    "weight_decay",
    "gradient_clip",
    "warmup_fraction",
    "schedule",
    "raised_returns",
    "whole_episodes",
    "norm_switch_fraction",
)


def unread_by(kind: ModelKind) -> dict[str, str]:
    """The options of a run that mean nothing to ``kind``, each with what it has instead."""
    if kind.learns_values:
        reason = "takes learning_rate, batch_size and steps, draws transitions and has d3rlpy's optimisers"
        return dict.fromkeys(_UNREAD_BY_VALUE_LEARNING, reason)
    unread = {} if kind.has_program else {"norm_switch_fraction": "has no norm that is switched"}
    return unread | ({"raised_returns": "is told no return"} if kind is ModelKind.mlp else {})


def _refuse_unread(overrides: list[str], kind: ModelKind) -> None:
    for key in (pair.partition("=")[0] for pair in overrides):
        if reason := unread_by(kind).get(key):
            raise UserError(f"{key} means nothing to model.kind={kind.value}, which {reason}; leave it out.")


def _is_unread(pair: str, kind: ModelKind) -> bool:
    return pair.partition("=")[0] in unread_by(kind)


def _without_model(pairs: list[str]) -> list[str]:
    return [pair for pair in pairs if not pair.startswith("model.")]


def recipe(name: str) -> list[str]:
    """Options that suit an environment or a baseline better than the defaults, as ``key=value`` pairs; often none."""
    recipes = {Path(file.name).stem: file for file in files("dsf_train").joinpath("recipes").iterdir()}
    serving = serving_file(name, recipes)
    if serving is None:
        return []
    stem, number = serving
    content = yaml.safe_load(recipes[stem].read_text(encoding="utf-8"))
    return [f"{key}={value}" for key, value in _flat(content if number is None else with_number(content, number))]


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in values.items():
        pairs += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return pairs
