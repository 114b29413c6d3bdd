"""Small programs for tests: by hand, at random, and one shaped like a block of a DSFormer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.decay import steps_to_zero
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
from neuro_runtime.program.program import HostEncoder, HostReadout, Program
from neuro_runtime.program.validate import validate

Integers = NDArray[np.int64]

CLEARED = 4095  # a current that lasts one time step
BETA = 3072  # keeps a quarter of the voltage


def make_program(nodes: Sequence[Node], connections: Sequence[Connection], active_steps: int, period: int) -> Program:
    """A valid loihi program with a host that hardly matters."""
    size = next(node.size for node in nodes if isinstance(node, CurrentInput))
    actions = next(node.size for node in nodes if isinstance(node, Accumulator))
    program = Program(
        arithmetic="loihi",
        active_steps=active_steps,
        period=period,
        nodes=tuple(nodes),
        connections=tuple(connections),
        encoder=HostEncoder(
            weight=np.random.default_rng(0).normal(size=(size, 3 + actions + 1)),
            bias=np.zeros(size),
            norm_weight=np.ones(size),
            norm_bias=np.zeros(size),
            norm_epsilon=1e-5,
            state_mean=np.zeros(3),
            state_std=np.ones(3),
            return_scale=1000.0,
            input_scale=1000.0,
        ),
        readout=HostReadout(
            inverse_scale=np.full(actions, 1e-4), weight=np.zeros((actions, size)), bias=np.zeros(actions)
        ),
        environment="pendulum",
        return_target=-150.0,
    )
    validate(program)
    return program


def currents(program: Program, decisions: int, seed: int, largest: int = 2000) -> Iterator[Integers]:
    """Random tokens' currents."""
    random = np.random.default_rng(seed)
    for _ in range(decisions):
        yield random.integers(-largest, largest, program.current_input.size, endpoint=True)


def block_program() -> Program:
    """A PSSA block as lowering makes it: 8 channels, a window of 3 tokens, a residual, biases coarse and fine."""
    random = np.random.default_rng(0)
    size, window, period = 8, 3, 20
    channels = np.arange(size, dtype=np.int32)
    repeated, ago = np.tile(channels, window), np.repeat(np.arange(window, dtype=np.int32), size)
    gates = np.arange(window * size, dtype=np.int32)
    nodes: list[Node] = [CurrentInput("token", size), BiasLine("bias")]
    nodes += [Lif(name, size, CLEARED, BETA, 1000) for name in ("input", "query", "key", "value", "output", "mlp")]
    nodes += [And("past", size, 2, 100), And("gate", window * size, 2, 100), Accumulator("action", 4)]

    def dense(source: str, target: str, rows: int, columns: int, delay: int, exponent: int) -> Dense:
        return Dense(source, target, _weights(random, (rows, columns)), delay, exponent)

    def one_to_one(source: str, target: str) -> Sparse:
        return Sparse(source, target, channels, channels, np.full(size, 64), np.zeros(size, dtype=np.int32))

    connections: list[Connection] = [Injection("token", "input"), Injection("token", "mlp", delay=5, exponent=-1)]
    for factor in ("query", "key", "value"):
        connections.append(dense("input", factor, size, size, delay=0, exponent=1))
        connections.append(Dense("bias", factor, np.full((size, 1), 120), delay=0, exponent=2))
        connections.append(dense("bias", factor, size, 1, delay=0, exponent=0))
    connections += [one_to_one("key", "past"), one_to_one("value", "past")]
    connections.append(Sparse("query", "gate", repeated, gates, np.full(len(gates), 64), np.ones_like(gates)))
    connections.append(
        Sparse("past", "gate", repeated, gates, np.full(len(gates), 64), (ago * period).astype(np.int32))
    )
    connections.append(Sparse("gate", "output", gates, repeated, np.full(len(gates), 200), np.zeros_like(gates), 3))
    connections.append(dense("output", "mlp", size, size, delay=0, exponent=2))
    connections.append(dense("bias", "mlp", size, 1, delay=4, exponent=1))
    connections += [dense("output", "action", 4, size, delay=0, exponent=0), dense("mlp", "action", 4, size, 0, 1)]
    return make_program(nodes, connections, active_steps=4, period=period)


def graded_program() -> Program:
    """Neurons that rectify a sum and send it as a graded spike, twice over, to a layer whose delays span decisions."""
    random = np.random.default_rng(0)
    size, period = 6, 18
    nodes: list[Node] = [CurrentInput("token", size), BiasLine("bias"), Lif("input", size, CLEARED, BETA, 300)]
    nodes += [GradedRelu("sum", 4, 40), GradedRelu("product", 5, 8), Lif("output", size, CLEARED, BETA, 90)]

    def listed(source: str, target: str, sizes: tuple[int, int], exponent: int, longest_delay: int) -> Sparse:
        sources, targets = (random.integers(0, size, 20).astype(np.int32) for size in sizes)
        weights, delays = 2 * random.integers(-20, 60, 20), random.integers(0, longest_delay, 20).astype(np.int32)
        return Sparse(source, target, sources, targets, weights, delays, exponent)

    first = np.zeros(1, dtype=np.int32)
    connections: list[Connection] = [
        Injection("token", "input"),
        listed("input", "sum", (size, 4), exponent=0, longest_delay=3),
        Sparse("bias", "sum", first, first, np.array([10]), first, exponent=-1),
        listed("sum", "product", (4, 5), exponent=-3, longest_delay=2),
        listed("input", "product", (size, 5), exponent=-1, longest_delay=2 * period),
        listed("product", "output", (5, size), exponent=-2, longest_delay=period),
        Dense("output", "action", _weights(random, (2, size))),
    ]
    return make_program([*nodes, Accumulator("action", 2)], connections, active_steps=4, period=period)


def program_with_resets() -> Program:
    """Two layers that would not decay to 0 before the next token, and are reset when it reaches them."""
    random = np.random.default_rng(0)
    lasting = Lif("lasting", 3, 2000, BETA, 800, reset_step=3)
    nodes: list[Node] = [CurrentInput("token", 4), BiasLine("bias"), Lif("slow", 4, CLEARED, 100, 3000, reset_step=1)]
    nodes += [lasting, Accumulator("action", 2)]
    connections: list[Connection] = [Injection("token", "slow", delay=1)]
    for source, target, shape in (
        ("bias", "slow", (4, 1)),
        ("slow", "lasting", (3, 4)),
        ("slow", "action", (2, 4)),
        ("lasting", "action", (2, 3)),
    ):
        connections.append(Dense(source, target, _weights(random, shape), 0, 2))
    return make_program(nodes, connections, active_steps=4, period=7)


def random_program(seed: int) -> Program:
    """A graph without design: loops, duplicate synapses, delays over decisions, sums that overflow 24 bits."""
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 7))
    lifs = [_random_lif(random, f"lif{n}", size if n < 2 else int(random.integers(1, 9))) for n in range(4)]
    gate, action = And("gate", 5, fan_in=3, threshold=64 * 3 - 28), Accumulator("action", int(random.integers(1, 4)))
    sources: list[Node] = [BiasLine("bias"), *lifs, gate]
    targets: list[Node] = [*lifs, action]
    active_steps = int(random.integers(1, 5))
    period = active_steps + max(_idle_steps(lif) for lif in lifs)
    connections: list[Connection] = [
        _random_injection(random, target, active_steps, period) for target in (lifs[0], lifs[1], lifs[0])
    ]
    for _ in range(16):
        source, target = sources[random.integers(len(sources))], targets[random.integers(len(targets))]
        connections.append(_random_synapses(random, source, target, longest_delay=2 * period))
    for _ in range(gate.fan_in):
        connections.append(_random_inputs(random, lifs[random.integers(len(lifs))], gate, longest_delay=period))
    return make_program([CurrentInput("token", size), *sources, action], connections, active_steps, period)


def _idle_steps(lif: Lif) -> int:
    return max(steps_to_zero(int(decay), 100) for decay in (lif.current_decay + 1, lif.voltage_decay))


def _weights(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int64]:
    return 2 * random.integers(-128, 127, shape, endpoint=True)


def _random_lif(random: np.random.Generator, name: str, size: int) -> Lif:
    decays = random.choice([4095, 4095, 3500, 3072, 2200], 2)
    return Lif(name, size, int(decays[0]), int(decays[1]), threshold=int(10 ** random.uniform(2, 5)))


def _random_injection(random: np.random.Generator, target: Lif, active_steps: int, period: int) -> Injection:
    delay = int(random.integers(0, period - active_steps, endpoint=True))
    return Injection("token", target.name, delay, exponent=int(random.integers(-3, 4)))


def _random_synapses(random: np.random.Generator, source: Node, target: Node, longest_delay: int) -> Dense | Sparse:
    exponent, delays = int(random.integers(-4, 8)), random.integers(0, longest_delay, 12, endpoint=True)
    if random.random() < 0.5:
        weight = _weights(random, (target.size, source.size))
        return Dense(source.name, target.name, weight, int(delays[0]), exponent)
    sources, targets = (random.integers(0, node.size, 12).astype(np.int32) for node in (source, target))
    weight = _weights(random, (12,))
    return Sparse(source.name, target.name, sources, targets, weight, delays.astype(np.int32), exponent)


def _random_inputs(random: np.random.Generator, source: Lif, gate: And, longest_delay: int) -> Sparse:
    """One synapse for each gate."""
    sources = random.integers(0, source.size, gate.size).astype(np.int32)
    delays = random.integers(0, longest_delay, gate.size).astype(np.int32)
    gates = np.arange(gate.size, dtype=np.int32)
    return Sparse(source.name, gate.name, sources, gates, np.full(gate.size, 64), delays)
