"""Random programs as lowering makes them, with something in each for passes to find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuro_runtime.program.decay import steps_to_zero
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    Connection,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Node,
    Sparse,
)
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from support.small_programs import CLEARED, make_program

RESETS = 0.2  # of all decisions
READ = 0.8  # of all layers
NEVER, ALWAYS = 20_000, 0  # thresholds


@dataclass(frozen=True, eq=False)
class Layered:
    """A program, its tokens' currents (decisions, D), and whether all is forgotten before each of them."""

    program: Program
    currents: NDArray[np.int64]
    reset: NDArray[np.bool_]

    def __repr__(self) -> str:
        program = self.program
        return f"Layered({program.nodes}, {program.connections}, {self.currents.tolist()}, {self.reset.tolist()})"


@st.composite
def layered_programs(draw: st.DrawFn, decisions: int, kinds: Sequence[str] = ()) -> Layered:
    """A program of two to four layers, aligned as lowering aligns them; of some ``kinds`` alone, where named.

    Hypothesis draws, and shrinks, the structure; what fills it comes from random numbers.
    """
    builder = _Builder(
        random=np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        size=draw(st.integers(2, 4)),
        active=draw(st.sampled_from([1, 2, 4])),
        slack=draw(st.integers(0, 3)),
    )
    for kind in draw(st.lists(st.sampled_from(kinds or sorted(_LAYERS)), min_size=1, max_size=3)):
        _LAYERS[kind](builder)
    program = builder.program()
    low, high = program.encoder.injected_range
    scale = builder.random.choice([0.3, 1.0])
    currents = (scale * builder.random.integers(low, high, (decisions, builder.size), endpoint=True)).astype(np.int64)
    return Layered(program, currents, builder.random.random(decisions) < RESETS)


@st.composite
def portable_layered_programs(draw: st.DrawFn, decisions: int) -> Layered:
    """Those of the portable subset, by their bounds."""
    return draw(layered_programs(decisions).filter(lambda case: not departures(case.program)))


@dataclass(eq=False)
class _Builder:
    """Nodes and connections, each layer one hop after those before; delays follow when the period is known."""

    random: np.random.Generator
    size: int
    active: int
    slack: int
    nodes: list[Node] = field(default_factory=list)
    placed: list[tuple[Connection, int | NDArray[np.int32]]] = field(default_factory=list)  # and decisions ago

    def __post_init__(self) -> None:
        self.nodes += [CurrentInput("token", self.size), BiasLine("bias")]
        self.lif(self.size)
        self.placed.append((Injection("token", self.nodes[-1].name), 0))

    @property
    def spiking(self) -> list[Node]:
        return [node for node in self.nodes if node.spikes]

    def lif(self, size: int, threshold: int | None = None) -> Lif:
        some = int(self.random.choice([20, 100, 500])) if threshold is None else threshold
        lif = Lif(f"lif{len(self.nodes)}", size, CLEARED, int(self.random.choice([3072, 3072, 3584])), some)
        self.nodes.append(lif)
        return lif

    def gate(self, size: int) -> And:
        gate = And(f"gate{len(self.nodes)}", size, 2, 100)
        self.nodes.append(gate)
        return gate

    def dense(self, source: Node, target: Node, ago: int = 0) -> None:
        weight = 2 * self.random.integers(-40, 90, (target.size, source.size), endpoint=True)
        weight *= self.random.random(weight.shape) < self.random.choice([0.3, 1.0])
        self.placed.append((Dense(source.name, target.name, weight, 0, int(self.random.integers(-1, 3))), ago))

    def listed(self, source: Node, target: Node, weight: int) -> None:
        """One synapse into each target, from this decision or the last two."""
        self.placed.append(
            (
                Sparse(
                    source.name,
                    target.name,
                    self.random.integers(0, source.size, target.size).astype(np.int32),
                    np.arange(target.size, dtype=np.int32),
                    np.full(target.size, weight),
                    np.zeros(target.size, dtype=np.int32),
                ),
                self.random.integers(0, 3, target.size).astype(np.int32),
            )
        )

    def any_of(self, nodes: list[Node]) -> Node:
        return nodes[int(self.random.integers(len(nodes)))]

    def program(self) -> Program:
        """With an accumulator that reads most layers."""
        action = Accumulator("action", int(self.random.integers(1, 3)))
        for node in self.spiking[1:]:
            if self.random.random() < READ:
                self.dense(node, action)
        self.nodes.append(action)
        start = {node.name: 0 for node in self.nodes}
        for connection, _ in self.placed:  # sources stand before their readers
            if connection.weighted:
                start[connection.target] = max(start[connection.target], start[connection.source] + 1)
        idle = max(steps_to_zero(int(node.voltage_decay)) for node in self.nodes if isinstance(node, Lif))
        period = self.active + max(idle, start["action"]) + self.slack
        connections = [_delayed(item, ago, start, period) for item, ago in self.placed]
        return make_program(self.nodes, connections, self.active, period)


def _delayed(connection: Connection, ago: int | NDArray[np.int32], start: dict[str, int], period: int) -> Connection:
    wait = start[connection.target] - start[connection.source]
    if isinstance(connection, Injection):
        return replace(connection, delay=wait)
    delay = ago * period + (0 if connection.target == "action" else wait - 1)
    if isinstance(connection, Dense):
        return replace(connection, delay=int(delay))
    return replace(connection, delay=np.asarray(delay, dtype=np.int32))


def _plain(builder: _Builder) -> None:
    """Neurons that read the token, or another layer, and a bias."""
    before = builder.spiking
    lif = builder.lif(int(builder.random.integers(1, 5)))
    builder.dense(builder.any_of(before), lif, ago=int(builder.random.integers(0, 2)))
    builder.dense(before[0], lif)
    if builder.random.random() < 0.5 and lif.size == builder.size:
        builder.placed.append((Injection("token", lif.name, exponent=-1), 0))


def _silent(builder: _Builder) -> None:
    """Some neurons that nothing brings to their threshold."""
    before = builder.any_of(builder.spiking)
    lif = builder.lif(3, threshold=int(builder.random.choice([100, 500, NEVER])))
    builder.dense(before, lif)
    builder.dense(lif, _next(builder, lif))


def _constant(builder: _Builder) -> None:
    """Neurons that spike in every active time step."""
    lif = builder.lif(2, threshold=ALWAYS)
    weight = 2 * builder.random.integers(-5, 30, (2, 1))
    builder.placed.append((Dense("bias", lif.name, weight, 0, 1), 0))
    builder.dense(lif, _next(builder, lif))


def _equal(builder: _Builder) -> None:
    """Neurons with the same synapses, and a node of two equal layers."""
    before = builder.any_of(builder.spiking)
    weight = np.repeat(2 * builder.random.integers(-60, 60, (1, before.size)), 3, axis=0)
    first = builder.lif(3)
    second = replace(first, name=f"{first.name}again")
    builder.nodes.append(second)
    builder.placed += [(Dense(before.name, each.name, weight, 0, 1), 0) for each in (first, second)]
    reader = builder.lif(2)
    builder.dense(first, reader)
    builder.dense(second, reader)


def _gates(builder: _Builder) -> None:
    """Two stages of AND gates, over this and past decisions."""
    sources = builder.spiking
    inner, outer = builder.gate(3), builder.gate(4)
    for _ in range(2):
        builder.listed(builder.any_of(sources), inner, 64)
    builder.listed(inner, outer, 64)
    builder.listed(builder.any_of(sources), outer, 64)
    reader = builder.lif(2, threshold=int(builder.random.choice([10, 100])))
    builder.dense(outer, reader)


def _next(builder: _Builder, before: Node) -> Lif:
    """A layer that reads the first one as well."""
    lif = builder.lif(int(builder.random.integers(1, 4)))
    builder.dense(builder.spiking[1], lif)
    return lif


_LAYERS: dict[str, Callable[[_Builder], None]] = {
    "plain": _plain,
    "silent": _silent,
    "constant": _constant,
    "equal": _equal,
    "gates": _gates,
}
