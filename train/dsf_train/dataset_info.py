"""The content of a dataset: lengths, returns and scores of its episodes, and what to doubt in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_train.dataset_options import DatasetOptions
from dsf_train.datasets import DatasetLocation, read_location
from dsf_train.datasets.columns import Moments
from dsf_train.datasets.episode import UnfinishedEpisode
from dsf_train.datasets.reading import Notes
from dsf_train.datasets.state_columns import doubts
from neuro_runtime.environments import EnvironmentSpec, normalised_score

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


def info_table(info: DatasetInfo) -> str:
    """The table of ``info`` for a person to read."""

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
