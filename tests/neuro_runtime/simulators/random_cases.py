"""Random programs and what they are given, made by hypothesis so that one that fails shrinks to a small one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.program.decay import steps_to_zero
from neuro_runtime.program.limits import INJECTION_LIMIT
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    Connection,
    CurrentInput,
    Dense,
    GradedRelu,
    Injection,
    Lif,
    Node,
    Sparse,
)
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from support.small_programs import make_program

CLEARED = 4095
GRADED_THRESHOLDS = (0, 1, 30, 200)
LONGEST_GAP = 40  # idle time steps that a random neuron may need
RESETS = 0.2  # of all decisions


@dataclass(frozen=True, eq=False)
class Case:
    """A program, the tokens' currents (decisions, D), and whether all is forgotten before each of them.

    ``largest`` bounds the currents' magnitudes.
    """

    program: Program
    currents: NDArray[np.int64]
    reset: NDArray[np.bool_]
    largest: int

    @property
    def time_steps(self) -> int:
        """Compared in all."""
        return len(self.currents) * self.program.period

    def __repr__(self) -> str:
        return (
            f"Case({self.program.nodes}, {self.program.connections}, {self.currents.tolist()}, {self.reset.tolist()})"
        )


@dataclass(frozen=True)
class Ranges:
    """The ranges from which a random program's numbers are drawn; exponents from the first to the last."""

    exponents: tuple[int, int] = (-8, 7)
    injection_exponents: tuple[int, int] = (-4, 6)
    thresholds: tuple[int, ...] = (0, 10, 100, 1000, 20_000, 2**17 - 1)
    currents: tuple[int, ...] = (400, 30_000, INJECTION_LIMIT)
    graded: bool = True  # whether there may be graded neurons


ANY = Ranges()
MODERATE = Ranges((-1, 3), (-3, 0), (1, 10, 100, 1000), (400, 1500), graded=False)


@st.composite
def portable_cases(draw: st.DrawFn, decisions: int) -> Case:
    """Programs of the portable subset, by their bounds."""
    case = draw(cases(decisions, MODERATE))
    assume(not departures(case.program, token=case.largest))
    return case


@st.composite
def cases(draw: st.DrawFn, decisions: int, ranges: Ranges = ANY, may_reset: bool = False) -> Case:
    """Any valid program of two to four LIF groups and perhaps AND gates, and ``decisions`` tokens for it.

    Where it ``may_reset``, some groups are reset in a time step of each decision.

    Hypothesis draws, and shrinks, the structure; what fills it comes from random numbers, which are livelier.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    size = draw(st.integers(1, 6))
    lifs = [draw(_lif(f"lif{n}", size if n == 0 else None, ranges)) for n in range(draw(st.integers(2, 4)))]
    gates = [
        And("gate", draw(st.integers(1, 5)), fan_in, 64 * fan_in - 28)
        for fan_in in draw(st.lists(st.integers(2, 4), max_size=1))
    ]
    action = Accumulator("action", draw(st.integers(1, 3)))
    active = draw(st.integers(1, 4))
    period = active + max(_idle_steps(lif) for lif in lifs) + draw(st.integers(0, 3))
    if may_reset:
        lifs = [replace(lif, reset_step=draw(_reset_step(lif, period))) for lif in lifs]
    sources: list[Node] = [BiasLine("bias"), *lifs, *gates]
    targets: list[Node] = [*lifs, action]
    connections: list[Connection] = [draw(_injection(lif, active, period, ranges)) for lif in lifs if lif.size == size]
    for _ in range(draw(st.integers(4, 12))):
        source, target = draw(st.sampled_from(sources)), draw(st.sampled_from(targets))
        connections.append(draw(_synapses(random, source, target, 2 * period, ranges)))
    for gate in gates:
        connections += [_inputs(random, draw(st.sampled_from(lifs)), gate, period) for _ in range(gate.fan_in)]
    graded: list[Node] = []
    for threshold in draw(st.lists(st.sampled_from(GRADED_THRESHOLDS), max_size=2)) if ranges.graded else []:
        node = GradedRelu(f"graded{len(graded)}", draw(st.integers(1, 5)), threshold)
        heard, readers = draw(st.sampled_from(lifs)), [draw(st.sampled_from(targets)) for _ in range(2)]
        connections += [_listed(random, source, node, 2 * period, -1) for source in (sources[0], heard, *graded)]
        connections += [_listed(random, node, reader, 2 * period, draw(st.integers(-4, 0))) for reader in readers]
        graded.append(node)
    nodes = [CurrentInput("token", size), *sources, *graded, action]
    try:
        program = make_program(nodes, connections, active, period)
    except UserError:
        assume(False)
    largest = draw(st.sampled_from(ranges.currents))
    currents = random.integers(-largest, largest, (decisions, size), endpoint=True)
    return Case(program, currents, random.random(decisions) < RESETS, largest)


def _idle_steps(lif: Lif) -> int:
    return max(steps_to_zero(int(decay), 1000) for decay in (lif.current_decay + 1, lif.voltage_decay))


@st.composite
def _lif(draw: st.DrawFn, name: str, size: int | None, ranges: Ranges) -> Lif:
    """Decays over the whole range in which a state is gone after ``LONGEST_GAP`` steps; 4095 is what most have."""
    slowest = next(decay for decay in range(4096) if steps_to_zero(decay, LONGEST_GAP + 1) <= LONGEST_GAP)
    decay = st.one_of(st.just(CLEARED), st.integers(slowest, CLEARED))
    threshold = draw(st.sampled_from(ranges.thresholds))
    at_threshold = threshold > 0 and draw(st.booleans())
    return Lif(name, size or draw(st.integers(1, 6)), draw(decay), draw(decay), threshold, at_threshold)


def _reset_step(lif: Lif, period: int) -> st.SearchStrategy[int | None]:
    """Any or none; no model of Lava resets neurons that fire at their threshold."""
    return st.none() if lif.fires_at_threshold else st.none() | st.integers(0, period - 1)


@st.composite
def _injection(draw: st.DrawFn, target: Lif, active: int, period: int, ranges: Ranges) -> Injection:
    return Injection(
        "token", target.name, draw(st.integers(0, period - active)), draw(st.integers(*ranges.injection_exponents))
    )


@st.composite
def _synapses(
    draw: st.DrawFn, random: np.random.Generator, source: Node, target: Node, longest_delay: int, ranges: Ranges
) -> Dense | Sparse:
    exponent = draw(st.integers(*ranges.exponents))
    if draw(st.booleans()):
        weight = 2 * random.integers(-128, 127, (target.size, source.size), endpoint=True)
        return Dense(source.name, target.name, weight, draw(st.integers(0, longest_delay)), exponent)
    return _listed(random, source, target, longest_delay, exponent, draw(st.integers(0, 12)))


def _listed(
    random: np.random.Generator, source: Node, target: Node, longest_delay: int, exponent: int, count: int = 12
) -> Sparse:
    return Sparse(
        source.name,
        target.name,
        random.integers(0, source.size, count).astype(np.int32),
        random.integers(0, target.size, count).astype(np.int32),
        2 * random.integers(-128, 127, count, endpoint=True),
        random.integers(0, longest_delay, count, endpoint=True).astype(np.int32),
        exponent,
    )


def _inputs(random: np.random.Generator, source: Lif, gate: And, longest_delay: int) -> Sparse:
    """One synapse for each gate."""
    return Sparse(
        source.name,
        gate.name,
        random.integers(0, source.size, gate.size).astype(np.int32),
        np.arange(gate.size, dtype=np.int32),
        np.full(gate.size, 64),
        random.integers(0, longest_delay, gate.size, endpoint=True).astype(np.int32),
    )
