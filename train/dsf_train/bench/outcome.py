"""The outcome of a finished run, from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsf_common.errors import UserError
from dsf_common.statistics import MeanEstimate, estimate_mean
from dsf_train.bench.grid import Grid
from dsf_train.configuration import TrainConfig
from dsf_train.run_folder import RunFolder, read_record
from neuro_runtime.environments import load_environment_spec


@dataclass(frozen=True)
class Outcome:
    """A run's normalised score at its last checkpoint, for the environment's first return target."""

    score: float


def outcome_of(config: TrainConfig) -> Outcome | None:
    """The outcome of ``config``'s run, or None where it has not finished.

    Raises
    ------
    UserError
        The folder holds a run of other options, or its metrics are damaged.
    """
    if not RunFolder.of(config).config.exists():
        return None
    folder = RunFolder.open(config, resume=True, overwrite=False)
    target = load_environment_spec(config.env).default_target
    scores = [record[key] for record in _records(folder) for key in record if key == f"final_score/{target:g}/mean"]
    scores = [score for score in scores if score is not None]
    return Outcome(float(scores[-1])) if scores else None


def scores_of(grid: Grid, row: str, environment: str) -> MeanEstimate | None:
    """Over the seeds that have finished, None where none has."""
    return estimate([outcome_of(config) for config in grid.runs[row, environment]])


def estimate(outcomes: Sequence[Outcome | None]) -> MeanEstimate | None:
    """Mean score of what has finished."""
    scores = [outcome.score for outcome in outcomes if outcome is not None]
    return estimate_mean(scores) if scores else None


def _records(folder: RunFolder) -> list[dict[str, Any]]:
    if not folder.metrics_file.exists():
        return []
    try:
        lines = folder.metrics_file.read_text(encoding="utf-8").splitlines(keepends=True)
        return [read_record(line) for line in lines if line.endswith("\n")]  # a killed run may leave half a line
    except ValueError as problem:
        raise UserError(
            f"{folder.metrics_file} is damaged; train that run anew with --overwrite, or under another name"
        ) from problem
