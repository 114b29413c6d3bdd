"""`dsf-data`: which datasets are here, what is in one, and how to get one."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.command_line import CommandParser
from dsf_common.documents import print_document
from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose, describe_keys
from dsf_train.dataset_options import DatasetOptions, Unfinished
from dsf_train.datasets import DatasetLocation, find_dataset, locate_dataset, read_location
from dsf_train.datasets.columns import Moments
from dsf_train.datasets.episode import UnfinishedEpisode
from dsf_train.datasets.locate import is_dataset, named_dataset
from dsf_train.datasets.reading import Notes
from dsf_train.datasets.recorded_environment import recorded_environment
from dsf_train.datasets.state_columns import doubts
from neuro_runtime.environments import (
    EnvironmentSpec,
    environment_names,
    load_environment_spec,
    normalised_score,
)

QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)


@dataclass(frozen=True)
class DatasetInfo:
    """The content of a dataset; quantiles are of episodes, at 0, 10, 50, 90 and 100 %."""

    environment: str
    kind: str
    paths: tuple[str, ...]
    episodes: int
    steps: int
    length_quantiles: tuple[float, ...]
    return_quantiles: tuple[float, ...]  # of finished episodes, as all that follows
    mean_return: float
    mean_score: float  # 0 a random policy, 100 the reference
    score_quantiles: tuple[float, ...]
    doubts: tuple[str, ...]  # everything that is not as it should be, and yet is read


@dataclass
class InfoOptions:
    """The ``key=value`` pairs of ``dsf-data info``."""

    env: str | None = field(default=None, metadata={"help": "environment of a dataset that does not say its own"})
    unfinished: Unfinished = field(
        default=Unfinished.drop, metadata={"help": "steps after the last end mark: drop or keep"}
    )
    observation_keys: str | None = field(
        default=None, metadata={"help": "parts of observations to join, with commas (default: as the environment does)"}
    )
    action_low: str | None = field(default=None, metadata={"help": "lower bound of the actions, one or one each"})
    action_high: str | None = field(default=None, metadata={"help": "upper bound of the actions, likewise"})

    @property
    def dataset_options(self) -> DatasetOptions:
        """How the user wants the dataset to be read."""
        return DatasetOptions.of(self.action_low, self.action_high, self.unfinished, self.observation_keys)


def main(argv: list[str] | None = None) -> int:
    """Entry point of `dsf-data`."""
    return run_command(_main, "dsf-data", argv)


def _main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.command == "list":
        return _list(arguments.json)
    if arguments.command == "info":
        return _info(arguments.dataset, arguments.options, arguments.json)
    return _fetch(arguments.environment, arguments.json)


def _parser() -> CommandParser:
    parser = CommandParser(prog="dsf-data", description=__doc__, values=environment_names)
    anywhere = CommandParser(add_help=False)  # so that --json may come before or after the command
    anywhere.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="put one JSON document on stdout"
    )
    parser.add_argument("--json", action="store_true", help="put one JSON document on stdout")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[anywhere], help="every environment, and where its dataset is")
    info = commands.add_parser(
        "info",
        parents=[anywhere],
        help="say what a dataset holds",
        epilog=f"keys:\n{describe_keys(InfoOptions)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    info.add_argument("dataset", help="a file, a Minari folder or id, several with commas, or an environment's name")
    info.add_argument("options", nargs="*", metavar="key=value", help="env=NAME, and how to read the dataset")
    fetch = commands.add_parser("fetch", parents=[anywhere], help="get an environment's dataset")
    fetch.add_argument("environment", metavar="env=NAME")
    return parser


def _list(as_json: bool) -> int:
    specs = [load_environment_spec(name) for name in environment_names()]
    found = {spec.name: find_dataset(spec) for spec in specs}
    if as_json:
        print_document({name: location and _as_dict(location) for name, location in found.items()})
        return 0
    width = max(map(len, found))
    for spec in specs:
        print(f"{spec.name:<{width}}  {_where(spec, found[spec.name])}")
    return 0


def _where(spec: EnvironmentSpec, location: DatasetLocation | None) -> str:
    if location:
        return f"{location.kind}: {' + '.join(map(str, location.paths))}"
    if spec.generated:
        return "made on first use"
    return f"not here (dsf-data fetch env={spec.name})" if spec.d4rl_file else "not here"


def _as_dict(location: DatasetLocation) -> dict[str, Any]:
    return {"kind": location.kind, "paths": [str(path) for path in location.paths]}


def _info(dataset: str, pairs: list[str], as_json: bool) -> int:
    for pair in pairs:
        if "=" not in pair:
            raise UserError(f"expected env=NAME, got {pair!r}")
    options = compose(InfoOptions, pairs)
    info = describe(*_resolve(dataset, options.env), options.dataset_options)
    if as_json:
        print_document(asdict(info))
    else:
        print(_table(info))
    return 0


def _fetch(environment: str, as_json: bool) -> int:
    location = locate_dataset(load_environment_spec(_environment_name(environment)))
    if as_json:
        print_document(_as_dict(location))
    else:
        print("\n".join(map(str, location.paths)))
    return 0


def describe(spec: EnvironmentSpec, location: DatasetLocation, options: DatasetOptions | None = None) -> DatasetInfo:
    """Count a dataset's episodes and score them as ``spec``'s policy would be scored."""
    measured, unfinished, moments = [], [], Moments()
    notes: Notes = []
    for episode in read_location(spec, location, options, notes):
        measured.append((len(episode), episode.total))
        unfinished.append(isinstance(episode, UnfinishedEpisode))
        moments.add(episode.observations)
    spread = np.stack([moments.mean, moments.standard_deviation])
    lengths, returns = np.array(measured, dtype=float).T
    if not all(unfinished):
        returns = returns[~np.array(unfinished)]
    scores = np.array([normalised_score(spec, value) for value in returns])
    return DatasetInfo(
        environment=spec.name,
        kind=location.kind,
        paths=tuple(map(str, location.paths)),
        episodes=len(measured),
        steps=int(lengths.sum()),
        length_quantiles=_quantiles(lengths),
        return_quantiles=_quantiles(returns),
        mean_return=float(returns.mean()),
        mean_score=float(scores.mean()),
        score_quantiles=_quantiles(scores),
        doubts=(*notes, *doubts(spread, np.stack([moments.least, moments.largest]))),
    )


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.quantile(values, QUANTILES))


def _resolve(dataset: str, environment: str | None) -> tuple[EnvironmentSpec, DatasetLocation]:
    """The dataset to describe: one of an environment that is named or recorded in it, or an environment's own."""
    path = Path(dataset).expanduser()
    if is_dataset(dataset) or "," in dataset:
        name = environment or recorded_environment(dataset)
        if name is None:
            raise UserError(f"{path} tells no environment; add env=NAME, for example env=pen-e")
        spec = load_environment_spec(name)
        return spec, locate_dataset(spec, Path(dataset))
    if path.suffix or len(path.parts) > 1:
        named_dataset(dataset)  # which says how one that Minari has is fetched
        raise UserError(f"there is no file or folder {path}; `dsf-data list` shows what is here")
    spec = load_environment_spec(_environment_name(dataset) if "=" in dataset else dataset)
    return spec, locate_dataset(spec)


def _environment_name(pair: str) -> str:
    key, equals, name = pair.partition("=")
    if key != "env" or not equals:
        raise UserError(f"expected env=NAME, got {pair!r}")
    return name


def _table(info: DatasetInfo) -> str:
    def row(title: str, values: tuple[float, ...]) -> str:
        return f"{title:<12}" + "".join(f"{value:>12,.1f}" for value in values)

    heads = "".join(f"{f'{quantile:.0%}':>12}" for quantile in QUANTILES)
    return "\n".join(
        [
            f"{info.environment}, {info.kind}: {' + '.join(info.paths)}",
            f"{info.episodes:,} episodes, {info.steps:,} steps",
            f"{'':<12}{heads}",
            row("length", info.length_quantiles),
            row("return", info.return_quantiles),
            row("score", info.score_quantiles),
            f"mean return {info.mean_return:,.1f}, mean normalised score {info.mean_score:.1f}",
            *(f"note: {doubt}" for doubt in info.doubts),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
