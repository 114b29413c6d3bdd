"""The answers of ``dsf-data``: the list of datasets, the content of one, or one fetched."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsf_common.documents import print_document
from dsf_common.errors import UserError
from dsf_common.key_value_options import compose
from dsf_train.command_data import InfoOptions
from dsf_train.dataset_info import describe, info_table
from dsf_train.datasets import DatasetLocation, find_dataset, locate_dataset
from dsf_train.datasets.locate import is_dataset
from dsf_train.datasets.recorded_environment import recorded_environment
from neuro_runtime.environments import EnvironmentSpec, environment_names, load_environment_spec


def carry_out(arguments: argparse.Namespace) -> None:
    """Do what ``dsf-data`` was asked for.

    Raises
    ------
    UserError
        A dataset or an environment is unknown, or cannot be read or fetched.
    """
    if arguments.command == "list":
        _list(arguments.json)
    elif arguments.command == "info":
        _info(arguments.dataset, arguments.options, arguments.json)
    else:
        _fetch(arguments.environment, arguments.json)


def _list(as_json: bool) -> None:
    specs = [load_environment_spec(name) for name in environment_names()]
    found = {spec.name: find_dataset(spec) for spec in specs}
    if as_json:
        print_document({name: location and _as_dict(location) for name, location in found.items()})
        return
    width = max(map(len, found))
    for spec in specs:
        print(f"{spec.name:<{width}}  {_where(spec, found[spec.name])}")


def _where(spec: EnvironmentSpec, location: DatasetLocation | None) -> str:
    if location:
        return f"{location.kind}: {' + '.join(map(str, location.paths))}"
    if spec.generated:
        return "made on first use"
    return f"not here (dsf-data fetch env={spec.name})" if spec.d4rl_file else "not here"


def _as_dict(location: DatasetLocation) -> dict[str, Any]:
    return {"kind": location.kind, "paths": [str(path) for path in location.paths]}


def _info(dataset: str, pairs: list[str], as_json: bool) -> None:
    for pair in pairs:
        if "=" not in pair:
            raise UserError(f"expected env=NAME, got {pair!r}")
    options = compose(InfoOptions, pairs)
    info = describe(*_resolve(dataset, options.env), options.dataset_options)
    if as_json:
        print_document(asdict(info))
    else:
        print(info_table(info))


def _fetch(environment: str, as_json: bool) -> None:
    location = locate_dataset(load_environment_spec(_environment_name(environment)))
    if as_json:
        print_document(_as_dict(location))
    else:
        print("\n".join(map(str, location.paths)))


def _resolve(dataset: str, environment: str | None) -> tuple[EnvironmentSpec, DatasetLocation]:
    """The dataset to describe: one of an environment that is named or recorded in it, or an environment's own."""
    path = Path(dataset).expanduser()
    if is_dataset(dataset) or "," in dataset or path.suffix or len(path.parts) > 1:
        name = environment or recorded_environment(dataset)
        if name is None:
            raise UserError(f"{path} tells no environment; add env=NAME, for example env=pen-e")
        spec = load_environment_spec(name)
        return spec, locate_dataset(spec, Path(dataset))
    spec = load_environment_spec(_environment_name(dataset) if "=" in dataset else dataset)
    if environment is not None:
        raise UserError(f"{dataset} is an environment, and env= says that of a file: leave env={environment} out")
    return spec, locate_dataset(spec)


def _environment_name(pair: str) -> str:
    key, equals, name = pair.partition("=")
    if key != "env" or not equals:
        raise UserError(f"expected env=NAME, got {pair!r}")
    return name
