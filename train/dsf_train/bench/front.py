"""Score against energy: one task, trained at several prices of its spikes, exported, and run as the integer program.

A point is the fixed-point program in closed loop and its price by a chip's profile
(`dsf_train.bench.program_measurement`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dsf_common.checksum import require_intact, with_checksum
from dsf_common.errors import UserError
from dsf_common.files import atomic_write
from dsf_common.statistics import MeanEstimate, estimate_mean
from dsf_models.configuration import ModelConfig
from dsf_train.bench.execution import finish
from dsf_train.bench.grid import Grid, Row
from dsf_train.bench.options import Price
from dsf_train.bench.program_measurement import Measurement, measure_program
from dsf_train.bench.table import MISSING, cell, markdown_table
from dsf_train.configuration import TrainConfig
from dsf_train.run_folder import RunFolder
from hw_profiles.pareto_front import DataKind, FrontPoint, ParetoFront
from neuro_runtime.environments import load_environment_spec

KEPT = 0.98  # of the best score, that a cheaper policy should keep


@dataclass(frozen=True)
class Point:
    """One price's policies, over the seeds that have been measured.

    Attributes
    ----------
    score
        Normalised, of the fixed-point program; None where nothing has been measured.
    synops
        A decision.
    total_pj, active_pj
        Energy of a decision by the profile, and without what constant power takes.
    """

    price: float
    score: MeanEstimate | None
    synops: float
    total_pj: float
    active_pj: float


def front_rows(price: Price, prices: str, profile: str) -> tuple[Row, ...]:
    """A row a price; ``profile`` prices what ``energy_price`` pays for.

    Raises
    ------
    UserError
        A price is no number.
    """
    try:
        values = [float(price) for price in prices.split(",")]
    except ValueError as problem:
        raise UserError(f"prices={prices} are no numbers with commas between, such as 0,0.1,1") from problem
    by = (f"energy_profile={profile}",) if price is Price.energy_price else ()
    return tuple(Row(f"{price.value}{value:g}", f"{value:g}", (f"{price.value}={value!r}", *by)) for value in values)


@dataclass(frozen=True)
class Measure:
    """Finish a run and measure it by one profile; what has been measured is kept beside the model."""

    profile: str

    def __call__(self, config: TrainConfig) -> None:
        """Train, export, run."""
        finish(config)
        if self.result(config) is None:
            measured = measure_program(config, self.profile)
            with atomic_write(self._path(config)) as temporary:
                temporary.write_text(json.dumps(with_checksum(asdict(measured))), encoding="utf-8")

    def result(self, config: TrainConfig) -> Measurement | None:
        """A run's measurement, None where there is none yet.

        Raises
        ------
        UserError
            The file of it is damaged.
        """
        path = self._path(config)
        if not path.exists():
            return None
        remedy = "rename it, and the run is measured anew"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return Measurement(**require_intact(document, str(path), remedy))
        except (ValueError, TypeError, AttributeError) as problem:
            raise UserError(f"{path} is damaged; {remedy}") from problem

    def _path(self, config: TrainConfig) -> Path:
        return RunFolder.of(config).path / f"measured-{Path(self.profile).stem}.json"


def front_points(grid: Grid, environment: str, measure: Measure) -> list[Point]:
    """A point a price."""
    return [_point(float(row.title), grid.runs[row.name, environment], measure) for row in grid.rows]


def _point(price: float, configs: tuple[TrainConfig, ...], measure: Measure) -> Point:
    results = [result for config in configs if (result := measure.result(config)) is not None]
    if not results:
        return Point(price, None, 0.0, 0.0, 0.0)
    return Point(
        price,
        estimate_mean([result.score for result in results]),
        synops=float(np.mean([result.synops for result in results])),
        total_pj=float(np.mean([result.total_pj for result in results])),
        active_pj=float(np.mean([result.active_pj for result in results])),
    )


def stored_front(
    grid: Grid, environment: str, price: Price, profile: str, points: list[Point], command: str
) -> ParetoFront:
    """The front that a report draws; all its runs have been measured."""
    config, data = grid.configs()[0], grid.data[environment]
    measured = tuple(
        FrontPoint(
            point.price, point.score.mean, point.score.standard_error, point.synops, point.total_pj, point.active_pj
        )
        for point in points
        if point.score is not None
    )
    kind: DataKind = "generated" if load_environment_spec(environment).generated else "D4RL"
    return ParetoFront(
        environment=environment,
        data="stand-in" if data.is_stand_in else kind,
        option=price.value,
        profile=profile,
        model=_in_words(config.model),
        seeds=tuple(sorted({config.seed for config in grid.configs()})),
        steps=config.steps,
        episodes=config.final_episodes,
        command=command,
        points=measured,
    )


def _in_words(model: ModelConfig) -> str:
    mixing = f" with {model.mixing}" if model.kind.has_token_mixing else ""
    return (
        f"{model.kind.value}{mixing}, D {model.embedding_size}, L {model.blocks}, K {model.context}, "
        f"S {model.window}, T {model.time_steps}"
    )


def front_table(points: list[Point], price: Price, profile: str) -> str:
    """A line a price, with its shares of the best score and of that policy's synops."""
    heads = [
        f"`{price.value}`",
        "Score",
        "Synops",
        f"nJ, `{profile}`",
        "of which by events",
        "Share of the best score",
        "of its synops",
    ]
    best = max(
        (point for point in points if point.score is not None),
        key=lambda point: 0.0 if point.score is None else point.score.mean,
        default=None,
    )
    return markdown_table(heads, [_line(point, best) for point in points])


def _line(point: Point, best: Point | None) -> list[str]:
    if point.score is None or best is None or best.score is None:
        return [f"{point.price:g}", *[MISSING] * 6]
    kept, paid = point.score.mean / best.score.mean, point.synops / best.synops
    mark = "**" if kept >= KEPT and paid <= 0.5 else ""
    return [
        f"{point.price:g}",
        cell(point.score),
        f"{point.synops:,.0f}",
        f"{point.total_pj / 1000:,.1f}",
        f"{point.active_pj / 1000:,.1f}",
        f"{mark}{100 * kept:.0f} %{mark}",
        f"{mark}{100 * paid:.0f} %{mark}",
    ]
