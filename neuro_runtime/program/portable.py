"""The portable subset: loihi programs that every public emulator of the chip runs alike, and who leaves it.

Lava, nengo-loihi and brian2-loihi agree on every spike, current and voltage of a program

- whose weights are even (every valid program's are, `neuro_runtime.program.validate`) with exponents from −1 up,
- that brings no neuron 2^15 weight units or more through its synapses in a time step,
- whose u and v never leave 24 bits,
- whose thresholds a chip accepts, and whose host injects currents that a chip's bias holds.

A number of the program that lies outside is **set**. What depends on spikes is judged twice: by its **bound**, with
every synapse of one sign active at once, and by the largest that a run has **observed**. A bound within its limit is a
proof. One beyond it is none of the contrary.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neuro_runtime.program.active_time_steps import TimeSteps, arrival_steps
from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.program.decay import current_loss, share_kept, voltage_loss
from neuro_runtime.program.headroom import keeps_current, largest_arrival, largest_current, largest_injection
from neuro_runtime.program.limits import (
    ARRIVAL_LIMIT,
    CURRENT_SHIFT,
    LARGEST_EVEN_BIAS,
    LARGEST_ODD_BIAS,
    LARGEST_THRESHOLD,
    SMALLEST_PORTABLE_EXPONENT,
    SMALLEST_PORTABLE_THRESHOLD,
    STATE_LIMIT,
)
from neuro_runtime.program.nodes import Accumulator, Injection, Lif, Neurons
from neuro_runtime.program.program import Program

Quantity = Literal["exponent", "threshold", "arrival", "injection", "current", "voltage"]
Evidence = Literal["set", "bound", "observed"]


@dataclass(frozen=True)
class Departure:
    """A node, or a connection into it, that leaves the portable subset.

    Attributes
    ----------
    node
        The node whose neurons may differ.
    where
        The node, or the connection by its ends.
    quantity
        The number that is outside: exponents and thresholds as they are set; arrival and injection in weight units;
        current and voltage in those of u and v.
    value, limit
        The number and the last one inside.
    evidence
        How the value is known.
    """

    node: str
    where: str
    quantity: Quantity
    value: int
    limit: int
    evidence: Evidence

    def __str__(self) -> str:
        side = "below" if self.value < self.limit else "above"
        return f"{self.where}: {self.quantity} {self.value:,} is {side} {self.limit:,} ({self.evidence})"


def departures(program: Program, token: float | None = None, observed: Iterable[ArrivalPeaks] = ()) -> list[Departure]:
    """Everything in a loihi program that leaves the portable subset, in the order of its nodes.

    Parameters
    ----------
    token
        The largest integer that the host gives for a channel of the token; by default what its encoder can reach in
        each.
    observed
        The largest arrivals of a run. Where one exceeds its limit, it is told instead of the bound.
    """
    peaks = {peak.node: peak for peak in observed}
    steps = arrival_steps(program)
    found: list[Departure] = []
    for node in program.neurons:
        found += _exponents(program, node)
        found += _thresholds(node)
        found += _arrivals(program, node, token, peaks.get(node.name))
        found += _states(program, node, token, steps[node.name])
    return found


def injection_limit(program: Program, node: Neurons) -> int:
    """The largest current that a chip's bias holds exactly, whatever the token: beyond 12 bits, even ones alone."""
    exponents = [item.exponent for item in program.connections_into(node.name) if isinstance(item, Injection)]
    return LARGEST_EVEN_BIAS if min(exponents, default=1) >= 1 else LARGEST_ODD_BIAS


def _exponents(program: Program, node: Neurons) -> Iterator[Departure]:
    for connection in program.connections_into(node.name):
        if connection.weighted and connection.exponent < SMALLEST_PORTABLE_EXPONENT:
            where = f"{type(connection).__name__} {connection.source} -> {connection.target}"
            exponent = int(connection.exponent)
            yield Departure(node.name, where, "exponent", exponent, SMALLEST_PORTABLE_EXPONENT, "set")


def _thresholds(node: Neurons) -> Iterator[Departure]:
    if isinstance(node, Lif) and node.threshold < SMALLEST_PORTABLE_THRESHOLD:
        yield Departure(node.name, node.name, "threshold", int(node.threshold), SMALLEST_PORTABLE_THRESHOLD, "set")


def _arrivals(program: Program, node: Neurons, token: float | None, peak: ArrivalPeaks | None) -> Iterator[Departure]:
    bound = largest_arrival(program, node, token)
    seen = 0 if peak is None else peak.total if keeps_current(node) else peak.synaptic
    yield from _beyond(node, "arrival", bound, seen, ARRIVAL_LIMIT - 1)
    if not keeps_current(node):
        injected = largest_injection(program, node, token)
        yield from _beyond(node, "injection", injected, peak.injected if peak else 0, injection_limit(program, node))


def _states(program: Program, node: Neurons, token: float | None, arriving: TimeSteps) -> Iterator[Departure]:
    lif = node.as_lif("loihi")
    current = largest_current(program, node, token) * 2**CURRENT_SHIFT * _build_up(current_loss(lif), arriving)
    yield from _beyond(node, "current", current, 0, STATE_LIMIT - 1)
    if isinstance(node, Accumulator):
        # It begins every decision at 0, and must not exceed the largest threshold that a chip can give it.
        voltage, limit = current * int(arriving.sum()), LARGEST_THRESHOLD << CURRENT_SHIFT
    else:
        lasting = np.ones_like(arriving) if keeps_current(node) else arriving
        voltage, limit = current * _build_up(voltage_loss(lif), lasting), STATE_LIMIT - 1
    yield from _beyond(node, "voltage", voltage, 0, limit)


def _beyond(node: Neurons, quantity: Quantity, bound: float, seen: int, limit: int) -> Iterator[Departure]:
    if seen > limit:
        yield Departure(node.name, node.name, quantity, seen, limit, "observed")
    elif bound > limit:
        yield Departure(node.name, node.name, quantity, math.ceil(bound), limit, "bound")


def _build_up(loss: int, arriving: TimeSteps) -> float:
    """The largest that a state can become, in units of what arrives in each of those time steps of every period.

    ``max_p Σ_k keep^k [something arrives at p − k]`` over all time steps k into the past.
    """
    keep, period = share_kept(loss), len(arriving)
    if keep == 1:
        return math.inf if arriving.any() else 0.0
    shares = keep ** np.arange(period)
    sums = [float((shares * np.roll(arriving[::-1], phase + 1)).sum()) for phase in range(period)]
    return max(sums) / (1 - keep**period)
