"""SVG plots of what the tables say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsf_common.errors import UserError
from dsf_common.files import atomic_write
from dsf_common.statistics import MeanEstimate
from dsf_train.bench.front import Point
from dsf_train.bench.grid import Grid
from dsf_train.bench.options import Price
from dsf_train.bench.outcome import scores_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE = "#2a6f97"


def plot_grid(grid: Grid, path: Path) -> None:
    """A panel an environment, a line a row: mean and standard error."""
    height = 1.0 + 0.3 * len(grid.rows)
    figure, panels = _figure(len(grid.data), 2.2 + 2.6 * len(grid.data), height, sharey=True)
    places = list(range(len(grid.rows)))[::-1]
    for panel, (name, data) in zip(panels, grid.data.items(), strict=True):
        for place, row in zip(places, grid.rows, strict=True):
            estimate = scores_of(grid, row.name, name)
            if estimate is not None:
                panel.errorbar(estimate.mean, place, xerr=_error(estimate), fmt="o", color=BLUE, capsize=3)
        panel.set_title(f"{name}, stand-in" if data.is_stand_in else name, fontsize=10)
        panel.set_xlabel("normalised score")
        panel.set_yticks(places, [row.title for row in grid.rows])
        panel.set_xlim(left=min(0, panel.get_xlim()[0]))  # so that lengths compare
        panel.set_ylim(-0.6, len(grid.rows) - 0.4)
        panel.grid(axis="x", alpha=0.3)
    _save(figure, path)


def plot_front(points: Sequence[Point], price: Price, title: str, profile: str, path: Path) -> None:
    """Score against synops and against energy a decision, a point a price and size."""
    figure, panels = _figure(2, 9.0, 3.4, sharey=True)
    measured = [point for point in points if point.score is not None]
    costs = {
        "synops a decision": [point.synops for point in measured],
        f"nJ a decision, {profile}": [point.total_pj / 1000 for point in measured],
    }
    for panel, (label, across) in zip(panels, costs.items(), strict=True):
        for cost, point in zip(across, measured, strict=True):
            assert point.score is not None
            place = cost, point.score.mean
            panel.errorbar(*place, yerr=_error(point.score), fmt="o", color=BLUE, capsize=3)
            panel.annotate(
                ", ".join(filter(None, (point.size, f"{point.price:g}"))),
                place,
                (4, 4),
                textcoords="offset points",
                fontsize=8,
            )
        panel.set_xlabel(label)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("normalised score")
    figure.suptitle(f"{title}; numbers are {price.value}", fontsize=10)
    _save(figure, path)


def _error(estimate: MeanEstimate) -> float:
    return math.nan if estimate.standard_error is None else estimate.standard_error


def _figure(panels: int, width: float, height: float, sharey: bool) -> tuple[Figure, list[Axes]]:
    try:
        from matplotlib.figure import Figure as MatplotlibFigure
    except ImportError as problem:
        raise UserError("plots need matplotlib: pip install 'decision-spikeformer[train]'") from problem
    figure = MatplotlibFigure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False, sharey=sharey)
    return figure, list(axes[0])


def _save(figure: Figure, path: Path) -> None:
    import matplotlib

    with atomic_write(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "dsf-bench"}):
        figure.savefig(temporary, format="svg", metadata={"Date": None})
