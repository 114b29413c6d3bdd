"""What is known of an environment by name: one YAML file each, in `specs/`."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from hw_profiles.errors import UserError
from hw_profiles.suggest import suggestion

_SPECS = Path(__file__).parent / "specs"


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment, its reference scores and its datasets.

    Attributes
    ----------
    name
        The paper's name, e.g. ``pen-e``: task and dataset.
    gymnasium_id
        What `gymnasium.make` is given.
    time_limit
        D4RL's, in environment steps.
    observation_size, action_size
        As a policy sees them; actions are in [−1, 1].
    reference_min, reference_max
        Returns of normalised scores 0 (a random policy) and 100 (the reference).
    return_targets
        Returns to ask a policy for, in raw reward; the first is the default.
    return_scale
        Divides returns-to-go before they reach a model.
    d4rl_files
        D4RL's file names, all of which make up the dataset.
    minari_datasets
        Minari's ids, likewise.
    generated
        The dataset is made by this project in seconds; nothing is downloaded.
    legacy_gym
        The environment exists in legacy ``gym`` alone.
    """

    name: str
    gymnasium_id: str
    time_limit: int
    observation_size: int
    action_size: int
    reference_min: float
    reference_max: float
    return_targets: tuple[float, ...]
    return_scale: float
    d4rl_files: tuple[str, ...] = ()
    minari_datasets: tuple[str, ...] = ()
    generated: bool = False
    legacy_gym: bool = False


def environment_names() -> list[str]:
    """Every environment's name, sorted."""
    return sorted(path.stem for path in _SPECS.glob("*.yaml"))


def load_environment_spec(name: str) -> EnvironmentSpec:
    """The environment called ``name``.

    Raises
    ------
    UserError
        There is none; the nearest names are given.
    """
    path = _SPECS / f"{name}.yaml"
    if name not in environment_names():
        raise UserError(f"unknown environment {name!r}: {suggestion(name, environment_names())}")
    return parse_environment_spec(name, yaml.safe_load(path.read_text(encoding="utf-8")))


def parse_environment_spec(name: str, content: Any) -> EnvironmentSpec:
    """An `EnvironmentSpec` from the content of a YAML file.

    Raises
    ------
    UserError
        A key is unknown or missing, or the content is no mapping.
    """
    if not isinstance(content, dict):
        raise UserError(f"environment {name}: expected key: value lines")
    known = {field.name: field for field in fields(EnvironmentSpec) if field.name != "name"}
    for key in content:
        if key not in known:
            raise UserError(f"environment {name}: unknown key {key!r}: {suggestion(str(key), known)}")
    for key, field in known.items():
        if field.default is MISSING and key not in content:
            raise UserError(f"environment {name}: {key} is missing")
    values: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in content.items()}
    return EnvironmentSpec(name=name, **values)


def normalised_score(spec: EnvironmentSpec, episode_return: float) -> float:
    """``100 (return − min) / (max − min)``, D4RL's convention."""
    return 100 * (episode_return - spec.reference_min) / (spec.reference_max - spec.reference_min)
