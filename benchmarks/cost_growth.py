"""How does the time of a decision grow with a policy's size, and with how often its neurons fire? Window and stream.

    python -m benchmarks.cost_growth [sweeps=D,L,T,K,S,rate] [rounds=7] [plot=docs/cost-growth.svg]

Untrained policies whose layers all fire, with pen-e's observations and actions, are exported as dsf-export does; one
dimension varies at a time. Times are those of the fastest round, since the policies do not take turns. PyTorch uses one
thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from tqdm import tqdm

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export.pipeline import from_policy
from dsf_export.svg import write_svg
from dsf_models.configuration import ModelConfig
from dsf_models.torch_backend import TorchBackend
from neuro_runtime.activity import Activity, mean_counts
from neuro_runtime.backends.loihi_fast import LoihiFastBackend
from support.random_policies import random_policy
from support.recorded import tokens_of
from support.timing import Times, over, take_turns
from support.torch_stream import TorchStream

OBSERVATIONS, ACTIONS = 45, 24
BASE = ModelConfig(embedding_size=128, blocks=2, time_steps=4, context=32, window=8)
FAST, STREAM, WINDOW = "loihi-fast", "torch, stream", "torch, window"
TOKENS = 20


@dataclass(frozen=True)
class Sweep:
    """One dimension, its values, and the policy that each makes of the base."""

    title: str
    values: Sequence[float]
    config: Callable[[float], ModelConfig] = lambda value: BASE
    added_current: Callable[[float], float] = lambda value: 0.0


@dataclass(frozen=True, eq=False)
class Point:
    """One policy, timed."""

    value: float
    firing_rate: float
    synops: float
    times: Times


@dataclass
class Options:
    """The dimensions to vary, in how many rounds to time each policy, and where to draw the result."""

    sweeps: str = "D,L,T,K,S,rate"
    rounds: int = 7
    plot: str | None = None


def _with(dimension: str) -> Callable[[float], ModelConfig]:
    """The base with the named dimension set to a value."""
    return lambda value: replace(BASE, **cast(dict[str, Any], {dimension: int(value)}))


SWEEPS: Mapping[str, Sweep] = {
    "D": Sweep("embedding size D", (64, 128, 256, 512), _with("embedding_size")),
    "L": Sweep("blocks L", (1, 2, 3, 4), _with("blocks")),
    "T": Sweep("time steps T", (1, 2, 4, 8), _with("time_steps")),
    "K": Sweep("context K", (16, 32, 64, 128), _with("context")),
    "S": Sweep("window S", (2, 4, 8, 16), _with("window")),
    "rate": Sweep("firing rate", (-1.0, -0.5, 0.0, 0.5, 1.0), added_current=lambda value: value),
}


def main(argv: list[str]) -> int:
    """Export and time every policy, print a table a dimension, and draw them all."""
    options = compose(Options, argv)
    torch.set_num_threads(1)
    sweeps = {name: _sweep(name) for name in options.sweeps.split(",")}
    points: dict[str, list[Point]] = {}
    with tqdm(total=sum(len(sweep.values) for sweep in sweeps.values()), unit=" policies", disable=None) as progress:
        for name, sweep in sweeps.items():
            points[name] = [_point(sweep, value, options.rounds, progress.update) for value in sweep.values]
    for name, sweep in sweeps.items():
        print(_table(name, sweep, points[name]) + "\n")
    if options.plot:
        _draw(sweeps, points, Path(options.plot))
    return 0


def _sweep(name: str) -> Sweep:
    if name not in SWEEPS:
        raise UserError(f"there is no sweep {name}; choose from {', '.join(SWEEPS)}")
    return SWEEPS[name]


def _point(sweep: Sweep, value: float, rounds: int, on_done: Callable[[], object]) -> Point:
    policy = random_policy(sweep.config(value), OBSERVATIONS, ACTIONS, added_current=sweep.added_current(value))
    candidate = from_policy(policy, provenance={}, decisions=TOKENS)
    tokens = tokens_of(candidate.recording)
    fast = LoihiFastBackend(candidate.program)
    activities = [fast.decide(token).activity for token in tokens]
    ways = {
        FAST: over(tokens, fast.decide),
        STREAM: over(tokens, TorchStream(policy).act),
        WINDOW: over(tokens, TorchBackend(policy).decide),
    }
    times = take_turns(ways, rounds)
    on_done()
    return Point(value, _firing_rate(activities), mean_counts(activities).synops, times)


def _firing_rate(activities: Sequence[Activity]) -> float:
    """Mean over the neurons of the layers that fire: without bias lines, products and the accumulator."""
    spikes = steps = 0
    for activity in activities:
        for layer, emitted in activity.spikes.items():
            if not layer.endswith((".past", ".gate")) and layer != "bias":
                spikes, steps = spikes + emitted, steps + activity.neuron_steps[layer]
    return spikes / steps


def _label(name: str, point: Point) -> str:
    return f"{point.firing_rate:.0%}" if name == "rate" else f"{point.value:g}"


def _table(name: str, sweep: Sweep, points: Sequence[Point]) -> str:
    ways = (FAST, STREAM, WINDOW)
    rows = [
        (
            _label(name, point),
            f"{point.firing_rate:.1%}",
            f"{point.synops:,.0f}",
            *(f"{1e3 * point.times.best(way):.3f} ms" for way in ways),
        )
        for point in points
    ]
    return text_table([(sweep.title, "firing rate", "synops", *ways), *rows])


def _draw(sweeps: Mapping[str, Sweep], points: Mapping[str, Sequence[Point]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 6.0), layout="constrained")
    panels = figure.subplots(2, -(-len(sweeps) // 2), sharey=True, squeeze=False).ravel()
    for panel, (name, sweep) in zip(panels, sweeps.items(), strict=False):
        for way, marker in ((WINDOW, "s"), (STREAM, "^"), (FAST, "o")):
            places = [100 * point.firing_rate if name == "rate" else point.value for point in points[name]]
            panel.plot(places, [1e3 * point.times.best(way) for point in points[name]], marker=marker, label=way)
        panel.set(xlabel=f"{sweep.title}, %" if name == "rate" else sweep.title, yscale="log")
        panel.set_xscale("linear" if name == "rate" else "log", **({} if name == "rate" else {"base": 2}))
        panel.grid(alpha=0.3, which="both")
    for panel in panels[:: len(panels) // 2]:
        panel.set_ylabel("ms a decision")
    for panel in panels[len(sweeps) :]:
        panel.set_visible(False)
    panels[0].legend()
    write_svg(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(main, "cost_growth"))
