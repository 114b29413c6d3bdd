"""Loihi's arithmetic once more, neuron by neuron in plain integers; shares nothing with the interpreter."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from neuro_runtime.program.nodes import (
    Accumulator,
    BiasLine,
    CurrentInput,
    Dense,
    GradedRelu,
    Injection,
    Lif,
    Neurons,
    SpikeInput,
)
from neuro_runtime.program.program import Program

HALF = 2**23


class ScalarLoihi:
    """Runs a loihi program; every neuron is a pair of Python integers."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.time = 0
        self.state = {(node.name, n): (0, 0) for node in program.nodes for n in range(node.size)}
        self.fired: dict[int, dict[tuple[str, int], int]] = defaultdict(dict)  # with the number that each carries

    def decide(self, current: list[int]) -> list[dict[tuple[str, int], tuple[int, int, bool]]]:
        """(u, v, spike) of every neuron after each of the period's time steps."""
        accumulator = self.program.accumulator
        for n in range(accumulator.size):
            self.state[accumulator.name, n] = (0, 0)
        return [self._step(step, current) for step in range(self.program.period)]

    def _step(self, step: int, current: list[int]) -> dict[tuple[str, int], tuple[int, int, bool]]:
        arriving = self._arriving(step, current)
        after = {}
        for node in self.program.nodes:
            for n in range(node.size):
                if isinstance(node, BiasLine):
                    spike = step < self.program.active_steps
                elif isinstance(node, CurrentInput | SpikeInput):
                    continue
                else:
                    if isinstance(node, Lif) and node.reset_step == step:
                        self.state[node.name, n] = (0, 0)
                    after[node.name, n] = self._update(node, n, arriving[node.name, n])
                    spike = after[node.name, n][2]
                if spike:
                    carried = arriving[node.name, n] - int(node.threshold) if isinstance(node, GradedRelu) else 1
                    self.fired[self.time][node.name, n] = carried
        self.time += 1
        return after

    def _arriving(self, step: int, current: list[int]) -> dict[tuple[str, int], int]:
        total: dict[tuple[str, int], int] = defaultdict(int)
        for connection in self.program.connections:
            source, target = connection.source, connection.target
            sums: dict[int, int] = defaultdict(int)
            if isinstance(connection, Injection):
                if connection.delay <= step < connection.delay + self.program.active_steps:
                    sums.update(enumerate(current))
            elif isinstance(connection, Dense):
                for m, row in enumerate(connection.weight.tolist()):
                    for n, weight in enumerate(row):
                        if (source, n) in self.fired[self.time - 1 - connection.delay]:
                            sums[m] += weight
            else:
                for n, m, weight, delay in zip(
                    connection.source_index.tolist(),
                    connection.target_index.tolist(),
                    connection.weight.tolist(),
                    connection.delay.tolist(),
                    strict=True,
                ):
                    sums[m] += weight * self.fired[self.time - 1 - delay].get((source, n), 0)
            for m, value in sums.items():
                exponent = connection.exponent
                total[target, m] += value * 2**exponent if exponent >= 0 else value // 2**-exponent
        return total

    def _update(self, node: Neurons, n: int, arriving: int) -> tuple[int, int, bool]:
        u, v = self.state[node.name, n]
        decay_u, decay_v = (int(node.current_decay), int(node.voltage_decay)) if isinstance(node, Lif) else (4095, 4095)
        if isinstance(node, Accumulator):
            decay_v = 0
        if isinstance(node, GradedRelu):
            decay_v = 4096
        u = _towards_zero(u * (4096 - (decay_u + 1)), 4096) + arriving * 64
        if u > HALF:
            u -= 2 * HALF
        elif u <= -HALF:
            u += 2 * HALF
        v = _towards_zero(v * (4096 - decay_v), 4096) + u
        v = max(-HALF + 1, min(HALF - 1, v))
        spike = not isinstance(node, Accumulator) and v > int(node.threshold) * 64
        self.state[node.name, n] = (u, 0 if spike else v)
        return (*self.state[node.name, n], spike)


def _towards_zero(value: int, by: int) -> int:
    return int(np.sign(value)) * (abs(value) // by)
