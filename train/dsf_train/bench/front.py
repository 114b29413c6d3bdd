"""Score against energy: one task, trained at several prices of its spikes and in several sizes, exported, and run as
the integer program.

A point is the fixed-point program in closed loop and its price by a chip's profile
(`dsf_train.bench.program_measurement`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np

from dsf_common.checksum import require_intact, with_checksum
from dsf_common.comma_lists import numbers_of, require_distinct, whole_numbers_of
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
SIZES = {"time_steps": "T", "blocks": "L", "embedding_size": "D"}  # of a model, and how they are written


@dataclass(frozen=True)
class Point:
    """The policies of one price and one size, over the seeds that have been measured.

    Attributes
    ----------
    size
        ``T 1, D 64``, the sizes in which a front's points differ; empty where they do not.
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
    size: str = ""


def front_rows(
    price: Price, prices: str, profile: str, sizes: Mapping[str, str | None] | None = None
) -> tuple[Row, ...]:
    """A row for each size and price; ``profile`` prices what ``energy_price`` pays for.

    Parameters
    ----------
    sizes
        The values of options of `SIZES`, with commas; every size is combined with every other, in a group of the table
        of its own. An option without values is left to the recipe.

    Raises
    ------
    UserError
        A price is no number, a size no whole number, or one stands twice.
    """
    values = numbers_of("prices", prices, "0,0.1,1")
    require_distinct("prices", prices, [f"{value:g}" for value in values])  # by which runs are named
    by = (f"energy_profile={profile}",) if price is Price.energy_price else ()
    return tuple(
        Row(
            f"{size.name}{price.value}{value:g}",
            f"{value:g}",
            (f"{price.value}={value!r}", *by, *size.overrides),
            size.title,
        )
        for size in _sizes(sizes or {})
        for value in values
    )


def _sizes(sizes: Mapping[str, str | None]) -> Iterator[Row]:
    """Each combination of sizes; one without a name where none is varied."""
    given = {option: values for option, values in sizes.items() if values is not None}
    for numbers in product(*(whole_numbers_of(option, values, "1,2,4") for option, values in given.items())):
        letters = [SIZES[option] for option in given]
        yield Row(
            name="".join(f"{letter}{number}-" for letter, number in zip(letters, numbers, strict=True)),
            title=", ".join(f"{letter} {number}" for letter, number in zip(letters, numbers, strict=True)),
            overrides=tuple(f"model.{option}={number}" for option, number in zip(given, numbers, strict=True)),
        )


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
    """A point a price and size."""
    return [_point(row, grid.runs[row.name, environment], measure) for row in grid.rows]


def _point(row: Row, configs: tuple[TrainConfig, ...], measure: Measure) -> Point:
    price, size = float(row.title), row.group
    results = [result for config in configs if (result := measure.result(config)) is not None]
    if not results:
        return Point(price, None, 0.0, 0.0, 0.0, size)
    return Point(
        price,
        estimate_mean([result.score for result in results]),
        synops=float(np.mean([result.synops for result in results])),
        total_pj=float(np.mean([result.total_pj for result in results])),
        active_pj=float(np.mean([result.active_pj for result in results])),
        size=size,
    )


def stored_front(
    grid: Grid, environment: str, price: Price, profile: str, points: list[Point], command: str
) -> ParetoFront:
    """The front that a report draws; all its runs have been measured."""
    config, data = grid.configs()[0], grid.data[environment]
    measured = tuple(
        FrontPoint(
            point.price,
            point.score.mean,
            point.score.standard_error,
            point.synops,
            point.total_pj,
            point.active_pj,
            point.size,
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
        model=_in_words(config.model, points[0].size),
        seeds=tuple(sorted({config.seed for config in grid.configs()})),
        steps=config.steps,
        episodes=config.final_episodes,
        command=command,
        points=measured,
    )


def _in_words(model: ModelConfig, size: str) -> str:
    """The model without the sizes in which the points differ, which ``size`` is an example of."""
    mixing = f" with {model.mixing}" if model.kind.has_token_mixing else ""
    sizes = {"D": model.embedding_size, "L": model.blocks, "K": model.context, "S": model.window, "T": model.time_steps}
    varied = {part.split()[0] for part in size.split(", ") if part}
    same = [f"{letter} {number}" for letter, number in sizes.items() if letter not in varied]
    return ", ".join([f"{model.kind.value}{mixing}", *same])


def front_table(points: list[Point], price: Price, profile: str) -> str:
    """A line a point, with its shares of the best score and of that policy's synops and energy.

    The cheapest one that keeps `KEPT` of the best score is in bold. No score is a share of one that is not above 0, a
    random policy's, so none is in bold then.
    """
    sized = any(point.size for point in points)
    heads = [
        *(["Size"] if sized else []),
        f"`{price.value}`",
        "Score",
        "Synops",
        f"nJ, `{profile}`",
        "of which by events",
        "Share of the best score",
        "of its synops",
        "of its energy",
    ]
    scored = [(point.score.mean, point) for point in points if point.score is not None]
    if not scored:
        return markdown_table(heads, [_missing(point, sized) for point in points])
    most, best = max(scored, key=lambda each: each[0])
    keep = [point for score, point in scored if score >= KEPT * most > 0]
    chosen = min(keep, key=lambda point: point.total_pj, default=None)
    return markdown_table(
        heads,
        [
            _missing(point, sized)
            if point.score is None
            else _line(point, point.score, best, most, point is chosen, sized)
            for point in points
        ],
    )


def _missing(point: Point, sized: bool) -> list[str]:
    return [*([point.size] if sized else []), f"{point.price:g}", *[MISSING] * 7]


def _line(point: Point, score: MeanEstimate, best: Point, most: float, is_chosen: bool, sized: bool) -> list[str]:
    """The cells of a point whose ``score`` is known, beside the best one's, whose mean score is ``most``."""
    mark = "**" if is_chosen else ""
    return [
        *([point.size] if sized else []),
        f"{point.price:g}",
        cell(score),
        f"{point.synops:,.0f}",
        f"{point.total_pj / 1000:,.1f}",
        f"{point.active_pj / 1000:,.1f}",
        *(
            f"{mark}{100 * part / whole:.0f} %{mark}" if whole > 0 else MISSING
            for part, whole in (
                (score.mean, most),
                (point.synops, best.synops),
                (point.total_pj, best.total_pj),
            )
        ),
    ]
