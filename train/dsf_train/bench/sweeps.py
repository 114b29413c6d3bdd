"""Sweeps as they were called for: a grid's table and plot, or a front of score against energy."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from dsf_common.comma_lists import names_of, whole_numbers_of
from dsf_common.errors import UserError
from dsf_train.bench.beforehand import require_runs
from dsf_train.bench.duration import duration_of
from dsf_train.bench.execution import carry_out, finish
from dsf_train.bench.front import SIZES, Measure, front_points, front_rows, front_table, stored_front
from dsf_train.bench.grid import (
    ABLATION_ENVIRONMENTS,
    ABLATIONS,
    SCORE_ENVIRONMENTS,
    SCORES,
    Grid,
    Row,
    Sweep,
    chosen_rows,
    make_grid,
)
from dsf_train.bench.options import BenchOptions
from dsf_train.bench.outcome import outcome_of
from dsf_train.bench.page import put_section
from dsf_train.bench.plot import plot_front, plot_grid
from dsf_train.bench.table import command_block, conditions, grid_table, shown_arguments
from hw_profiles.loader import load_profile
from hw_profiles.pareto_front import save_front
from hw_profiles.pricing import check_prices_runs

_log = logging.getLogger(__name__)


def table_of_grid(what: str, options: BenchOptions, command: Sequence[str], table_only: bool) -> None:
    """Carry out a grid, and publish its table and plot."""
    rows, environments = (SCORES, SCORE_ENVIRONMENTS) if what == "scores" else (ABLATIONS, ABLATION_ENVIRONMENTS)
    chosen = names_of("envs", options.envs) if options.envs else environments
    grid = _grid(what, chosen_rows(rows, options.models), chosen, options, command)
    if not table_only:
        left = [config for config in grid.configs() if outcome_of(config) is None]
        require_runs(left, elsewhere=options.cluster is not None, exported=False)
        _tell_duration(grid, options)
        carry_out(grid.configs(), finish, options.workers, options.cluster)
    name = options.name or what
    plot = _beside(options, name)
    plot_grid(grid, plot)
    title, printed = ("Scores", True) if what == "scores" else ("Ablations", False)
    about, table = conditions(grid, "Normalised score", printed), grid_table(grid, printed)
    _publish(options, name, f"## {title}", about, table, plot, command, grid)


def _tell_duration(grid: Grid, options: BenchOptions) -> None:
    """Say how long the grid will take, unless other machines carry it out."""
    duration = None if options.cluster else duration_of(grid.configs())
    if duration is not None:
        at_once = options.workers or (os.cpu_count() or 1 if find_spec("ray") else 1)
        _log.info(duration.text(min(at_once, max(duration.runs, 1))))


def score_against_energy(options: BenchOptions, command: Sequence[str], table_only: bool) -> None:
    """Carry out a front, and publish its table, its plot and its file."""
    if options.env is None:
        raise UserError("front needs an environment, such as env=pendulum")
    profile = load_profile(options.profile)
    check_prices_runs(profile)
    sizes = {option: getattr(options, option) for option in SIZES}
    rows = front_rows(options.price, options.prices, options.profile, sizes)
    grid = _grid("front", rows, (options.env,), options, command)
    measure = Measure(options.profile)
    if not table_only:
        left = [config for config in grid.configs() if measure.result(config) is None]
        require_runs(left, elsewhere=options.cluster is not None, exported=True)
        carry_out(grid.configs(), measure, options.workers, options.cluster)
    points = front_points(grid, options.env, measure)
    name = f"{options.name or 'front'}-{options.env}"
    plot = _beside(options, name)
    stand_in = ", stand-in data" if grid.data[options.env].is_stand_in else ""
    plot_front(points, options.price, f"{options.env}{stand_in}", profile.name, plot)
    if all(measure.result(config) is not None for config in grid.configs()):
        shown = f"dsf-bench {' '.join(shown_arguments(command))}"
        front = stored_front(grid, options.env, options.price, profile.name, points, shown)
        folder = None if options.fronts is None else Path(options.fronts).expanduser()
        save_front(front, plot.with_suffix(".json") if folder is None else folder / f"{options.env}.json")
    what = "Score of the exported program, in fixed point, and what its average decision costs"
    table = front_table(points, options.price, profile.name)
    title = f"## Score against energy: {options.env}{stand_in}"
    _publish(options, name, title, conditions(grid, what), table, plot, command, grid)


def _grid(
    what: str, rows: tuple[Row, ...], environments: tuple[str, ...], options: BenchOptions, command: Sequence[str]
) -> Grid:
    steps = [] if options.steps is None else [f"steps={options.steps}"]
    passed = [pair.removeprefix("train.") for pair in command if pair.startswith("train.")]
    sweep = Sweep(
        name=options.name or what,
        environments=environments,
        seeds=whole_numbers_of("seeds", options.seeds, "0,1,2"),
        output=options.runs,
        datasets=None if options.datasets is None else Path(options.datasets),
        overrides=(f"final_episodes={options.episodes}", *steps, *passed),
    )
    return make_grid(rows, sweep)


def _beside(options: BenchOptions, name: str) -> Path:
    output = Path(options.output).expanduser()
    return output.with_name(f"{output.stem}-{name}.svg")


def _publish(
    options: BenchOptions,
    name: str,
    title: str,
    about: str,
    table: str,
    plot: Path,
    command: Sequence[str],
    grid: Grid,
) -> None:
    image = f"![{title.lstrip('# ')}]({plot.name})"
    section = "\n\n".join([title, about, table, image, command_block(command, grid.data)])
    put_section(Path(options.output).expanduser(), name, section)
    print(f"{about}\n\n{table}\n\ntable  {options.output}\nplot   {plot}")
