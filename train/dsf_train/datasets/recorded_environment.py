"""The environment that a dataset was recorded in, where the dataset itself says so; a file's name says nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium

from dsf_common.hdf5_links import reading_hdf5
from dsf_train.datasets.demonstrations import ENVIRONMENT, is_demonstrated
from dsf_train.datasets.locate import generated_file, named_dataset
from dsf_train.datasets.minari_metadata import read_metadata
from neuro_runtime.environments import EnvironmentSpec, environment_names, load_environment_spec
from neuro_runtime.environments.make import register_robotics

OF_PICTURES = ("render", "camera", "width", "height")  # begin the options that change nothing but pictures


def recorded_environment(dataset: str) -> str | None:
    """The name of the environment of a dataset; None where nothing tells.

    A file that D4RL's server calls so in full or that this project recorded, a Minari dataset by its id, any other
    Minari dataset by the Gymnasium id of its ``env_spec``.

    Raises
    ------
    UserError
        There is no such dataset, or its description is damaged.
    """
    first = named_dataset(dataset).paths[0]
    # Where several environments share a dataset, it is one that sees all of the observations.
    specs = sorted(map(load_environment_spec, environment_names()), key=lambda spec: bool(spec.observed))
    known = next((spec.name for spec in specs if _is_own_data(spec, first)), None)
    return known or (read_metadata(first).environment if first.is_dir() else _said(first))


def other_environment(spec: EnvironmentSpec, path: Path) -> Iterator[str]:
    """A sentence, where a dataset says that it was recorded in another environment than ``spec``, or another form."""
    if not path.is_dir() or _is_own_data(spec, path):
        return
    metadata = read_metadata(path)
    if metadata.environment and metadata.environment != spec.gymnasium_id:
        yield (
            f"{path} was recorded in {metadata.environment}, and {spec.name} is {spec.gymnasium_id}: a policy may meet "
            "what its data do not show"
        )
        return
    if different := _different(metadata.options, spec):
        yield (
            f"{path} was recorded with another {', '.join(different)} than that of {spec.name}: a policy may meet what "
            "its data do not show"
        )


def _different(recorded: Mapping[str, Any], spec: EnvironmentSpec) -> list[str]:
    """The options that data were recorded with and ``spec``'s environment does not have, those of pictures apart."""
    register_robotics()
    try:
        registered = gymnasium.spec(spec.gymnasium_id).kwargs
    except (gymnasium.error.Error, ImportError):
        registered = {}  # whoever makes the environment says what is wrong
    own = {**registered, **spec.options}
    return sorted(
        key
        for key, value in recorded.items()
        if not key.startswith(OF_PICTURES) and json.dumps(own.get(key), default=str) != json.dumps(value, default=str)
    )


def _said(file: Path) -> str | None:
    """The environment that a recording of this project says; None of any other file."""
    try:
        with reading_hdf5(file) as content:
            said = content[ENVIRONMENT][()] if ENVIRONMENT in content else b""
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return None  # its reader says what is wrong
    return said.decode(errors="replace") or None if isinstance(said, bytes) else None


def _is_own_data(spec: EnvironmentSpec, path: Path) -> bool:
    """Whether a dataset is one of those that the environment's file names, or the one that is made for it."""
    names = {Path(file).name for file in (spec.d4rl_file, *spec.d4rl_parts) if file}
    if path.name in names or any(Path(os.path.realpath(path)).match(name) for name in spec.minari_datasets):
        return True
    if path.is_dir():
        return read_metadata(path).dataset_id in spec.minari_datasets
    return spec.generated and is_demonstrated(spec) and path.name == generated_file(spec).name
