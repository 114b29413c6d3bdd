"""The options of a training run, from recipes and ``key=value`` pairs."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from dsf_common.errors import UserError
from dsf_common.key_value_options import compose
from dsf_common.numbered_names import serving_file, with_number
from dsf_models.configuration import ModelKind
from dsf_train.configuration import TrainConfig
from neuro_runtime.environments import load_environment_spec


def training_config(overrides: list[str]) -> TrainConfig:
    """Defaults, then the environment's recipe, then the baseline's, then the command line's ``key=value`` pairs.

    Raises
    ------
    UserError
        No environment is named, or a key or a value is unknown; the nearest valid ones are named.
    """
    names = [pair.split("=", 1)[1] for pair in overrides if pair.startswith("env=")]
    if not names:
        raise UserError("Name the environment to train for, such as env=pendulum; dsf-data list shows them all.")
    load_environment_spec(names[-1])
    if compose(TrainConfig, overrides).quantise:
        _refuse_dimensions(overrides)
        return compose(TrainConfig, [*_without_model(recipe(names[-1])), *recipe("quantise"), *overrides])
    _refuse_idle(overrides)
    pairs = [*recipe(names[-1]), *overrides]
    kind = compose(TrainConfig, pairs).model.kind
    if kind is ModelKind.dsformer:
        return compose(TrainConfig, pairs)
    return compose(TrainConfig, [*recipe(names[-1]), *recipe(kind.value), *overrides])


def _refuse_dimensions(overrides: list[str]) -> None:
    for pair in overrides:
        if pair.startswith("model."):
            raise UserError(f"quantise=true takes the dimensions of the policy that it goes on with; leave out {pair}.")


def _refuse_idle(overrides: list[str]) -> None:
    for pair in overrides:
        if pair.startswith("quantise_"):
            raise UserError(f"{pair} has a meaning with quantise=true only; add quantise=true.")


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
