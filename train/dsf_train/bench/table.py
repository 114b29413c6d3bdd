"""Markdown: the tables, and all that must be said beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from dsf_common.statistics import MeanEstimate
from dsf_train.bench.data import Data
from dsf_train.bench.grid import Grid
from dsf_train.bench.outcome import outcome_of, scores_of
from dsf_train.bench.printed import ABOUT, printed_score

MISSING = "–"


def grid_table(grid: Grid, with_printed: bool = False) -> str:
    """A line a row, a column an environment, beside it what the paper prints; rows of a group under its name."""
    titles = [
        title
        for name, data in grid.data.items()
        for title in (_title(name, data), *(["*printed*"] if with_printed and _is_printed(grid, name) else []))
    ]
    lines = []
    for group, rows in groupby(grid.rows, key=lambda row: row.group):
        if group:
            lines.append([f"*{group}*", *[""] * len(titles)])
        lines += [[row.title, *_cells(grid, row.name, with_printed)] for row in rows]
    return markdown_table(["", *titles], lines)


def _cells(grid: Grid, row: str, with_printed: bool) -> Iterator[str]:
    for name in grid.data:
        yield cell(scores_of(grid, row, name))
        if with_printed and _is_printed(grid, name):
            printed = printed_score(row, name)
            yield "" if printed is None else f"*{printed:.1f}*"


def _is_printed(grid: Grid, environment: str) -> bool:
    """Whether the paper prints a score of any row."""
    return any(printed_score(row.name, environment) is not None for row in grid.rows)


def _title(environment: str, data: Data) -> str:
    return f"{environment} (stand-in)" if data.is_stand_in else environment


def cell(estimate: MeanEstimate | None) -> str:
    """``mean ± standard error``; a single seed has no error."""
    if estimate is None:
        return MISSING
    error = "" if estimate.standard_error is None else f" ± {estimate.standard_error:.1f}"
    return f"{estimate.mean:.1f}{error}"


def markdown_table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Cells as Markdown."""
    rows = [list(heads), ["---"] * len(heads), *map(list, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def conditions(grid: Grid, what: str, with_printed: bool = False) -> str:
    """Under what conditions a table's figures were made; what is missing; and that stand-ins are stand-ins."""
    configs = grid.configs()
    finished = sum(outcome_of(config) is not None for config in configs)
    seeds = _listed({config.seed for config in configs}, "seed")
    steps = _listed({config.steps for config in configs}, "step", counted=True)
    episodes = _listed({config.final_episodes for config in configs}, "episode", counted=True)
    sentences = [
        f"{what}, mean ± standard error over the seeds at the last checkpoint, never the best of several; 0 is a "
        f"random policy, 100 the reference. {seeds}, {steps}, {episodes} a seed, asked for the environment's first "
        "return target.",
    ]
    if with_printed and any(_is_printed(grid, name) for name in grid.data):
        sentences.append(ABOUT)
    if finished < len(configs):
        sentences.append(f"**Incomplete**: {finished} of {len(configs)} runs have finished.")
    return " ".join([*sentences, *_about_data(grid.data)])


def _about_data(data: dict[str, Data]) -> list[str]:
    stand_ins = [name for name, one in data.items() if one.is_stand_in]
    if not stand_ins:
        return []
    return [
        f"**Stand-in data**: {', '.join(stand_ins)} {'was' if len(stand_ins) == 1 else 'were'} recorded with other "
        "policies than D4RL's, so these are no D4RL results and compare with none."
    ]


def _listed(values: set[int], noun: str, counted: bool = False) -> str:
    ordered = sorted(values)
    if counted:
        numbers = f"{ordered[0]:,}" if len(ordered) == 1 else f"{ordered[0]:,} to {ordered[-1]:,}"
        return f"{numbers} {noun}{'' if ordered == [1] else 's'}"
    return f"{noun.capitalize()}{'' if len(ordered) == 1 else 's'} {', '.join(map(str, ordered))}"


def shown_arguments(arguments: Sequence[str]) -> list[str]:
    """The parts of a table: where files are on this machine is nobody else's business."""
    return [
        "datasets=DIR" if pair.startswith("datasets=") else pair
        for pair in arguments
        if not pair.startswith(("output=", "fronts=", "--"))
    ]


def command_block(arguments: Sequence[str], data: dict[str, Data]) -> str:
    """The command that makes a table, and where its data are stand-ins the one for D4RL's files."""
    shown = shown_arguments(arguments)
    lines = [f"dsf-bench {' '.join(shown)}"]
    stand_ins = [name for name, one in data.items() if one.is_stand_in]
    if stand_ins:
        lines.append("# with D4RL's own files:")
        lines += [f"dsf-data fetch env={name}" for name in stand_ins]
        lines.append(f"dsf-bench {' '.join(pair for pair in shown if not pair.startswith('datasets='))}")
    return "\n".join(f"    {line}" for line in lines)
