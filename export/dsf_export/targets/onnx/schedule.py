"""When each node is computed: in which time steps of a decision anything can happen in it, and after which others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neuro_runtime.program import SpikingProgram
from neuro_runtime.program.active_time_steps import TimeSteps, active_time_steps
from neuro_runtime.program.decay import keeps_current
from neuro_runtime.program.nodes import Neurons
from neuro_runtime.simulators.loihi_fast.order import stepping_groups

Steps = tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """Time steps of a node that are computed together, since none of them waits for another's spikes."""

    node: str
    steps: Steps


@dataclass(frozen=True, eq=False)
class Schedule:
    """Every computed time step of every node.

    Attributes
    ----------
    batches
        In an order in which each finds the spikes that it needs.
    computed
        Of the nodes that have states, the time steps in which something arrives or is still felt, by name.
    emitted
        Of the nodes that spike, those in which they can, by name.
    """

    batches: tuple[Batch, ...]
    computed: dict[str, Steps]
    emitted: dict[str, Steps]


def schedule_of(program: SpikingProgram) -> Schedule:
    """The schedule of ``program``, of either arithmetic."""
    active = active_time_steps(program)
    emitted = {node.name: _numbers(active.emitted[node.name]) for node in program.nodes if node.spikes}
    computed = {node.name: _numbers(_computed(program, node, active.arriving[node.name])) for node in program.neurons}
    return Schedule(tuple(_batches(program, computed)), computed, emitted)


def _computed(program: SpikingProgram, node: Neurons, arriving: TimeSteps) -> TimeSteps:
    everywhere = keeps_current(node, program.arithmetic) and bool(arriving.any())
    return np.ones_like(arriving) if everywhere else arriving


def _batches(program: SpikingProgram, computed: dict[str, Steps]) -> Iterator[Batch]:
    for group in stepping_groups(program):
        names = [name for name in group.names if name in computed]
        if group.is_loop:
            for step in range(program.period):
                yield from (Batch(name, (step,)) for name in names if step in computed[name])
        else:
            yield from (Batch(name, computed[name]) for name in names if computed[name])


def _numbers(steps: TimeSteps) -> Steps:
    return tuple(np.flatnonzero(steps).tolist())
