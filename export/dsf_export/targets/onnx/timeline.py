"""Spikes of one node over time: those of earlier decisions, which are the graph's state, and those of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dsf_export.targets.onnx.graph import GraphBuilder

NOTHING = "nothing"


@dataclass(frozen=True)
class Row:
    """A row of a tensor (rows, size), or of zeros where ``tensor`` is `NOTHING`."""

    tensor: str
    place: int

    def precedes(self, other: Row) -> bool:
        """Whether ``other`` is the next row of the same tensor."""
        return other.tensor == self.tensor and (self.tensor == NOTHING or other.place == self.place + 1)


class Timeline:
    """The spikes of a node, (time steps, size); a time step counts from the beginning of the present decision.

    Parameters
    ----------
    name, size
        The node's.
    emitted
        Time steps of a decision in which the node can spike, in order.
    period
        Time steps of a decision.
    past
        Decisions back that something looks.
    dtype
        A spike is 1, silence 0.
    """

    def __init__(
        self, graph: GraphBuilder, name: str, size: int, emitted: Sequence[int], period: int, past: int, dtype: type
    ) -> None:
        self._graph = graph
        self._name, self._size, self._dtype = name, size, dtype
        self._emitted = {step: place for place, step in enumerate(emitted)}
        self._period, self._past = period, past
        self._present: dict[int, Row] = {}
        self._lengths: dict[str, int] = {}
        if past and emitted:
            self._state = graph.input(self.state_name, dtype, self._state_shape)
            self._lengths[self._state] = past * len(emitted)

    @property
    def state_name(self) -> str:
        """The input that holds the spikes of earlier decisions, oldest first."""
        return f"past.{self._name}"

    @property
    def _state_shape(self) -> tuple[int, int]:
        return self._past * len(self._emitted), self._size

    def write(self, steps: Sequence[int], spikes: str) -> None:
        """Take in the tensor of the spikes of this decision's ``steps``, (steps, size)."""
        self._lengths[spikes] = len(steps)
        self._present |= {step: Row(spikes, place) for place, step in enumerate(steps)}

    def rows(self, times: Sequence[int]) -> str:
        """The spikes at ``times``, (times, size)."""
        return self._gather([self._row(time) for time in times])

    def silent(self, times: Sequence[int]) -> bool:
        """Whether the node cannot have spiked at any of ``times``."""
        return all(self._row(time).tensor == NOTHING for time in times)

    def always_at(self, times: Sequence[int]) -> bool:
        """Whether all of ``times`` are active ones of this decision."""
        return all(0 <= time < self._period and time in self._emitted for time in times)

    def give_state(self) -> None:
        """Give out the state that the next decision begins with."""
        if not self._state_shape[0] or not self._past:
            return
        times = [step - back * self._period for back in reversed(range(self._past)) for step in self._emitted]
        self._graph.output(f"next.{self.state_name}", self.rows(times), self._dtype, self._state_shape)

    def give_spikes(self) -> None:
        """Give out this decision's spikes, one row for each time step in which there can be any."""
        if self._emitted:
            shape = len(self._emitted), self._size
            self._graph.output(f"spikes.{self._name}", self.rows(list(self._emitted)), self._dtype, shape)

    def _row(self, time: int) -> Row:
        decision, step = divmod(time, self._period)
        if step not in self._emitted or -decision > self._past:
            return Row(NOTHING, 0)
        if decision == 0:
            return self._present[step]
        return Row(self._state, (self._past + decision) * len(self._emitted) + self._emitted[step])

    def _gather(self, rows: Sequence[Row]) -> str:
        breaks = [n + 1 for n, (row, after) in enumerate(pairwise(rows)) if not row.precedes(after)]
        runs = [rows[first:last] for first, last in pairwise([0, *breaks, len(rows)])]
        parts = [self._run(run) for run in runs]
        return parts[0] if len(parts) == 1 else self._graph.op("Concat", *parts, axis=0)

    def _run(self, rows: Sequence[Row]) -> str:
        """Rows that follow one another in one tensor."""
        first, count = rows[0], len(rows)
        if first.tensor == NOTHING:
            return self._graph.constant(np.zeros((count, self._size), self._dtype))
        if count == self._lengths[first.tensor]:
            return first.tensor
        ends = (self._graph.constant(np.array([end], np.int64)) for end in (first.place, first.place + count))
        return self._graph.op("Slice", first.tensor, *ends)
