"""The spikes and states that each neuron of a loihi program can have in a decision, whatever tokens come.

This is the interpreter on intervals: every number of it becomes the smallest and the largest that it can be, and every
spike becomes *possible* or not, and *certain* or not; a graded one any number up to the largest. All that the
arithmetic does is monotone, decays and floors included, so the two ends are computed as the numbers themselves are; a
current that could leave 24 bits may be anything. Decisions are run until one more brings nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.arriving import synaptic_range
from neuro_runtime.program.decay import current_loss, effective_threshold, voltage_loss
from neuro_runtime.program.limits import CURRENT_SHIFT, LARGEST_WORD, STATE_LIMIT
from neuro_runtime.program.nodes import Accumulator, BiasLine, Dense, Lif, Neurons, Sparse, Weighted
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.loihi_arithmetic import clip24, decayed, shift

Integers = NDArray[np.int64]
Steps = NDArray[np.bool_]  # (period, neurons)
Range = tuple[Integers, Integers]  # smallest and largest

PATIENCE = 8  # decisions after which states that still grow are taken to be anything


@dataclass(frozen=True, eq=False)
class Reachable:
    """The spikes and states that a program's neurons can have.

    Attributes
    ----------
    possible
        In which time steps each neuron can spike, (period, size) by node.
    certain
        In which it spikes in every decision.
    arriving
        In which something can arrive at a node with states, (period,).
    lowest, highest
        Bounds of v after each time step, (period, size) by node with states.
    """

    possible: Mapping[str, Steps]
    certain: Mapping[str, Steps]
    arriving: Mapping[str, NDArray[np.bool_]]
    lowest: Mapping[str, Integers]
    highest: Mapping[str, Integers]

    def is_silent(self, node: str) -> NDArray[np.bool_]:
        """Which neurons of a spiking node can never spike, (size,)."""
        return np.logical_not(self.possible[node].any(axis=0))

    def waits_for_input(self, node: str) -> bool:
        """Whether a node with states spikes in no time step in which nothing can arrive at it."""
        return not self.possible[node][~self.arriving[node]].any()

    def begins_at_zero(self, node: Neurons) -> bool:
        """Whether nothing is left of v where a decision's first input arrives at a node, whatever came before."""
        arriving = self.arriving[node.name]
        if not arriving.any():
            return True
        if self.is_reset_for_input(node):
            return True
        before = int(np.argmax(arriving)) - 1
        loss = voltage_loss(node.as_lif("loihi"))
        ends = self.lowest[node.name][before], self.highest[node.name][before]
        return not any(decayed(end, loss).any() for end in ends)

    def is_reset_for_input(self, node: Neurons) -> bool:
        """Whether a node is reset in the time step in which a decision's first input arrives at it."""
        return node.as_lif("loihi").reset_step == int(np.argmax(self.arriving[node.name]))


def reachable(program: Program, token: float | None = None) -> Reachable:
    """The reach of a loihi program's neurons; ``token`` bounds the magnitude of its integer current.

    By default the token's current is what the encoder can give, channel by channel.
    """
    return _Intervals(program, token).run()


class _Intervals:
    """The states of all neurons as ranges, stepped like the interpreter's."""

    def __init__(self, program: Program, token: float | None) -> None:
        self._program = program
        self._token = program.encoder.injected_range if token is None else _symmetric(program, token)
        self._neurons = {node.name: _RangedNeurons(node) for node in program.neurons}
        spiking = [node for node in program.nodes if node.spikes]
        self._possible = {node.name: np.zeros((program.period, node.size), dtype=bool) for node in spiking}
        self._certain = {name: steps.copy() for name, steps in self._possible.items()}
        self._before = {name: steps.copy() for name, steps in self._possible.items()}  # in some earlier decision
        self._numbers = {  # the largest that graded spikes carry, in any decision
            node.name: np.zeros((program.period, node.size), dtype=np.int64) for node in spiking if node.graded
        }

    def run(self) -> Reachable:
        """Decision after decision, until the possible spikes and the states at its beginning are those before."""
        decisions = 0
        while True:
            starts = [neurons.ends() for neurons in self._neurons.values()]
            numbers_before = {name: numbers.copy() for name, numbers in self._numbers.items()}
            steps = [self._advance(step) for step in range(self._program.period)]
            decisions += 1
            grown = [
                neurons.join(start, decisions > PATIENCE)
                for neurons, start in zip(self._neurons.values(), starts, strict=True)
            ]
            fresh = any((self._possible[name] & ~self._before[name]).any() for name in self._possible)
            fresh |= any((self._numbers[name] > numbers).any() for name, numbers in numbers_before.items())
            for name, seen in self._before.items():
                seen |= self._possible[name]
            if not fresh and not any(grown):
                break
        return Reachable(
            possible=self._possible,
            certain=self._certain,
            arriving={name: np.array([arrived[name] for arrived, _ in steps]) for name in self._neurons},
            lowest={name: np.array([states[name][0] for _, states in steps]) for name in self._neurons},
            highest={name: np.array([states[name][1] for _, states in steps]) for name in self._neurons},
        )

    def _advance(self, step: int) -> tuple[dict[str, bool], dict[str, Range]]:
        """One time step; whether anything can arrive at each node, and the range of its v after it."""
        arrived = dict.fromkeys(self._neurons, False)
        low = {name: np.zeros(neurons.size, dtype=np.int64) for name, neurons in self._neurons.items()}
        high = {name: values.copy() for name, values in low.items()}
        for connection in self._program.unfolded:
            if not connection.weighted:
                if not connection.delay <= step < connection.delay + self._program.active_steps:
                    continue
                low_end, high_end = self._token
            else:
                possible, certain = self._carried(connection, step)
                if not possible.any():
                    continue
                ends = synaptic_range(connection, self._neurons[connection.target].size, possible, certain)
                low_end, high_end = (end.astype(np.int64) for end in ends)
            arrived[connection.target] = True
            low[connection.target] += shift(low_end, connection.exponent)
            high[connection.target] += shift(high_end, connection.exponent)
        for node in self._program.nodes:
            if isinstance(node, BiasLine):
                self._possible[node.name][step] = self._certain[node.name][step] = step < self._program.active_steps
            elif node.name in self._neurons:
                neurons = self._neurons[node.name]
                if step == neurons.reset_step:
                    neurons.clear()
                spikes = neurons.update(low[node.name], high[node.name])
                if node.name in self._possible:
                    self._possible[node.name][step], self._certain[node.name][step] = spikes
                if node.name in self._numbers:
                    seen = self._numbers[node.name][step]
                    np.maximum(seen, neurons.largest_number, out=seen)
        return arrived, {name: neurons.voltage for name, neurons in self._neurons.items()}

    def _carried(self, connection: Weighted, step: int) -> tuple[NDArray[np.bool_] | Integers, NDArray[np.bool_]]:
        """Whether each source's (of a list: each synapse's) spike can, and must, arrive in a time step.

        The first decision after a reset has none before it, so no spike from before a decision's beginning is certain.
        A graded spike can arrive as the largest number that it carries, and need not.
        """
        emitted = step - 1 - np.asarray(connection.delay, dtype=np.int64)
        period, now = self._program.period, emitted >= 0
        match connection:
            case Dense():
                places: tuple[Integers | NDArray[np.int32], ...] = (emitted % period,)
            case Sparse():
                places = (emitted % period, connection.source_index)
        possible = np.where(now, self._possible[connection.source][places], self._before[connection.source][places])
        if connection.source in self._numbers:
            return possible * self._numbers[connection.source][places], np.zeros_like(possible)
        return possible, now & self._certain[connection.source][places]


class _RangedNeurons:
    """u and v of a node's neurons as ranges; the equations are those of `Lif`."""

    def __init__(self, node: Neurons) -> None:
        lif: Lif = node.as_lif("loihi")
        self.size = lif.size
        self._is_cleared = isinstance(node, Accumulator)
        self._current_loss, self._voltage_loss = current_loss(lif), voltage_loss(lif)
        self._threshold = effective_threshold(lif)
        self.reset_step = lif.reset_step
        self.clear()

    def clear(self) -> None:
        """Begin with u = v = 0."""
        nothing = np.zeros(self.size, dtype=np.int64)
        self._current: Range = nothing, nothing
        self.voltage: Range = nothing, nothing
        self.largest_number = nothing  # by which v exceeds the threshold, if at all, in weight units

    def ends(self) -> tuple[Range, Range]:
        """u and v."""
        return self._current, self.voltage

    def join(self, start: tuple[Range, Range], anything: bool) -> bool:
        """Begin the next decision with the states of its end or of this one's ``start``; whether that is more.

        A state that has grown becomes ``anything`` where asked for. An accumulator begins every decision at 0.
        """
        if self._is_cleared:
            self._current, self.voltage = start
            return False
        joined = [_hull(end, before) for end, before in zip(self.ends(), start, strict=True)]
        grown = any(
            bool((mine != theirs).any())
            for after, before in zip(joined, start, strict=True)
            for mine, theirs in zip(after, before, strict=True)
        )
        if grown and anything:
            joined = [_everything(self.size)] * 2
        self._current, self.voltage = joined
        return grown

    def update(self, low: Integers, high: Integers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Take in what arrives; which neurons can, and must, spike."""
        self._current = _unwrapped(
            decayed(self._current[0], self._current_loss) + (low << CURRENT_SHIFT),
            decayed(self._current[1], self._current_loss) + (high << CURRENT_SHIFT),
        )
        lowest = clip24(decayed(self.voltage[0], self._voltage_loss) + self._current[0])
        highest = clip24(decayed(self.voltage[1], self._voltage_loss) + self._current[1])
        possible, certain = highest > self._threshold, lowest > self._threshold
        self.largest_number = np.maximum(highest - self._threshold, 0) >> CURRENT_SHIFT
        lowest = np.where(possible, np.minimum(lowest, 0), lowest)
        highest = np.where(possible, np.clip(highest, 0, max(self._threshold, 0)), highest)
        highest = np.where(certain, 0, highest)
        self.voltage = lowest, highest
        return possible, certain


def _symmetric(program: Program, token: float) -> Range:
    largest = np.full(program.current_input.size, int(token), dtype=np.int64)
    return -largest, largest


def _unwrapped(low: Integers, high: Integers) -> Range:
    """A range of u; of one that reaches beyond 24 bits, where u wraps, all there can be."""
    wraps = (high > STATE_LIMIT) | (low <= -STATE_LIMIT)
    lowest, highest = _everything(len(low))
    return np.where(wraps, lowest, low), np.where(wraps, highest, high)


def _everything(size: int) -> Range:
    return np.full(size, -LARGEST_WORD, dtype=np.int64), np.full(size, LARGEST_WORD, dtype=np.int64)


def _hull(one: Range, other: Range) -> Range:
    return np.minimum(one[0], other[0]), np.maximum(one[1], other[1])
