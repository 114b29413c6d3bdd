"""`dsf-bench`: grids of training runs, resumed where they stopped, as tables and plots."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose, describe_keys
from dsf_train.bench.execution import carry_out, finish
from dsf_train.bench.front import Measure, Price, front_points, front_rows, front_table, stored_front
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
from dsf_train.bench.page import put_section
from dsf_train.bench.plot import plot_front, plot_grid
from dsf_train.bench.table import command_block, conditions, grid_table, shown_arguments
from hw_profiles.loader import load_profile
from hw_profiles.pareto_front import save_front

DESCRIPTION = """\
Train a grid of models, environments and seeds, and write its table and plot. Each run is one of dsf-train, in its own
folder, runs/<env>/<name>-<row>-seed<n>; a sweep that was killed goes on where it stopped, and what has finished is not
repeated. Runs are side by side on Ray where it is installed, else one after another.

  scores     DSFormer (PSSA, TSSA), Decision Transformer, Decision ConvFormer, MLP, spiking MLP
  ablations  token mixings, norms, T, S, and delayed reward
  front      score against synops and energy: one environment, trained at several values of energy_price (or
             synop_price), exported, and run in fixed point

train.KEY=VALUE sets an option of dsf-train for all runs, before what a row changes: train.model.embedding_size=64."""

PRICES = "0,0.01,0.03,0.1,0.3,1"


@dataclass
class BenchOptions:
    """The options that ``dsf-bench`` takes as ``key=value`` pairs."""

    datasets: str | None = field(
        default=None,
        metadata={"help": "folder of <D4RL name>*.hdf5, or of stand-ins such as pen-expert-standin.hdf5"},
    )
    envs: str | None = field(default=None, metadata={"help": "environments, with commas (default: the paper's for it)"})
    env: str | None = field(default=None, metadata={"help": "the environment of a front"})
    models: str | None = field(default=None, metadata={"help": "rows, with commas (default: all)"})
    price: Price = field(default=Price.energy_price, metadata={"help": "the price that a front varies, or synop_price"})
    prices: str = field(default=PRICES, metadata={"help": "the values of that price, with commas"})
    profile: str = field(
        default="loihi1-davies2018", metadata={"help": "prices a front's energy, in training and in the result"}
    )
    seeds: str = field(default="0,1,2", metadata={"help": "seeds, with commas"})
    steps: int | None = field(default=None, metadata={"help": "training steps (default: the recipe's)"})
    episodes: int = field(default=100, metadata={"help": "episodes at the last checkpoint"})
    name: str | None = field(default=None, metadata={"help": "begins the runs' names (default: the table's)"})
    runs: str = field(default="runs", metadata={"help": "folder of the runs"})
    fronts: str | None = field(
        default=None, metadata={"help": "folder of a front's <env>.json, for dsf-report --front (default: by the plot)"}
    )
    output: str = field(default="results.md", metadata={"help": "Markdown file; plots lie beside it"})
    workers: int = field(default=0, metadata={"help": "runs at once; 1 needs no Ray; 0 is as many as there are cores"})
    cluster: str | None = field(default=None, metadata={"help": "address of a Ray cluster that shares runs="})


def main(argv: list[str] | None = None) -> int:
    """Entry point of `dsf-bench`."""
    return run_command(_main, "dsf-bench", argv)


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="dsf-bench",
        description=DESCRIPTION,
        epilog=f"keys:\n{describe_keys(BenchOptions)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("scores", "ablations", "front"))
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="see below")
    parser.add_argument("--table-only", action="store_true", help="run nothing: make the table of what has finished")
    arguments = parser.parse_intermixed_args(argv)
    options = compose(BenchOptions, [pair for pair in arguments.overrides if not pair.startswith("train.")])
    command = [arguments.what, *arguments.overrides]
    if arguments.what == "front":
        _front(options, command, arguments.table_only)
    else:
        _table(arguments.what, options, command, arguments.table_only)
    return 0


def _table(what: str, options: BenchOptions, command: Sequence[str], table_only: bool) -> None:
    rows, environments = (SCORES, SCORE_ENVIRONMENTS) if what == "scores" else (ABLATIONS, ABLATION_ENVIRONMENTS)
    if options.env is not None:
        raise UserError(f"env={options.env} is of front; name the environments of {what} by envs={options.env}")
    chosen = tuple(options.envs.split(",")) if options.envs else environments
    grid = _grid(what, chosen_rows(rows, options.models), chosen, options, command)
    if not table_only:
        carry_out(grid.configs(), finish, options.workers, options.cluster)
    name = options.name or what
    plot = _beside(options, name)
    plot_grid(grid, plot)
    title = "Scores" if what == "scores" else "Ablations"
    _publish(options, name, f"## {title}", conditions(grid, "Normalised score"), grid_table(grid), plot, command, grid)


def _front(options: BenchOptions, command: Sequence[str], table_only: bool) -> None:
    if options.env is None:
        raise UserError("front needs an environment, such as env=pendulum")
    profile = load_profile(options.profile)
    grid = _grid("front", front_rows(options.price, options.prices, options.profile), (options.env,), options, command)
    measure = Measure(options.profile)
    if not table_only:
        carry_out(grid.configs(), measure, options.workers, options.cluster)
    points = front_points(grid, options.env, measure)
    name = f"{options.name or 'front'}-{options.env}"
    plot = _beside(options, name)
    stand_in = ", stand-in data" if grid.data[options.env].is_stand_in else ""
    plot_front(points, options.price, f"{options.env}{stand_in}", profile.name, plot)
    if all(measure.result(config) is not None for config in grid.configs()):
        shown = f"dsf-bench {' '.join(shown_arguments(command))}"
        front = stored_front(grid, options.env, options.price, profile.name, points, shown)
        folder = None if options.fronts is None else Path(options.fronts)
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
        seeds=_seeds(options.seeds),
        output=options.runs,
        datasets=None if options.datasets is None else Path(options.datasets),
        overrides=(f"final_episodes={options.episodes}", *steps, *passed),
    )
    return make_grid(rows, sweep)


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split(",")))
    except ValueError as problem:
        raise UserError(f"seeds={text} are no whole numbers with commas between, such as 0,1,2") from problem


def _beside(options: BenchOptions, name: str) -> Path:
    output = Path(options.output)
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
    put_section(Path(options.output), name, section)
    print(f"{about}\n\n{table}\n\ntable  {options.output}\nplot   {plot}")


if __name__ == "__main__":
    sys.exit(main())
