"""How close a loihi program can come to overflowing its 24-bit states, whatever spikes arrive."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.active_time_steps import ActiveTimeSteps, TimeSteps, active_time_steps
from neuro_runtime.program.arriving import synaptic_range
from neuro_runtime.program.decay import current_loss, keeps_current, share_kept, voltage_loss
from neuro_runtime.program.limits import ARRIVAL_LIMIT, CURRENT_SHIFT, LARGEST_WORD, STATE_LIMIT
from neuro_runtime.program.nodes import Accumulator, Connection, GradedRelu, Injection, Neurons, Weighted
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.program.weight_matrices import is_whole

Bound = NDArray[np.float64]


@dataclass(frozen=True)
class Headroom:
    """Largest magnitudes that a node group's states can reach, against the limit 2^23.

    Attributes
    ----------
    current, voltage
        Bounds of |u| and |v| with every synapse of one sign active whenever it can be; see :func:`state_bounds`.
    arriving
        Bound of what synapses bring in one time step, in weight units; see :func:`largest_arrival`.
    """

    node: str
    current: int
    voltage: int
    arriving: int

    @property
    def bits(self) -> float:
        """Bits left before the larger of the two overflows; negative where it can."""
        return math.log2(STATE_LIMIT / max(self.current, self.voltage, 1))

    @property
    def arrival_bits(self) -> float:
        """Bits left before what arrives wraps on an emulator that adds it up in 21; negative where it can."""
        return math.log2(ARRIVAL_LIMIT / max(self.arriving, 1))


def headroom(program: SpikingProgram) -> list[Headroom]:
    """The headroom of every LIF, AND and accumulator group of a loihi program."""
    steps = active_time_steps(program)
    return [_headroom(program, node, steps) for node in program.neurons]


def largest_current(program: SpikingProgram, node: Neurons, token: float | None = None) -> float:
    """Largest current of one sign that can reach one of ``node``'s neurons in a time step (loihi: in mantissas).

    ``token`` is the largest that the host may inject; by default what its encoder can reach.
    """
    return _largest_sum(program, node, program.connections_into(node.name), token)


def largest_spike(program: SpikingProgram, source: str) -> float:
    """The largest number that a spike of a node can stand for: 1, unless it is graded."""
    node = next((node for node in program.nodes if node.name == source), None)
    return max(largest_current(program, node) - node.threshold, 0) if isinstance(node, GradedRelu) else 1


def largest_injection(program: SpikingProgram, node: Neurons, token: float | None = None) -> float:
    """Largest current that the host can bring one of ``node``'s neurons in a time step; ``token`` as above."""
    return _largest_sum(
        program, node, [item for item in program.connections_into(node.name) if not item.weighted], token
    )


def largest_arrival(program: SpikingProgram, node: Neurons, token: float | None = None) -> float:
    """Largest current of one sign that can reach one of ``node``'s neurons through a chip's synapses in a time step.

    The host's current is a bias where the neuron keeps no current, and counts apart. Where it keeps one, a bias would
    not be kept with it: the host must send spikes, which count here.
    """
    connections = program.connections_into(node.name)
    if not keeps_current(node):
        connections = [connection for connection in connections if connection.weighted]
    return _largest_sum(program, node, connections, token)


def largest_unshifted_sum(program: SpikingProgram, connection: Weighted) -> float:
    """Largest sum of one sign that synapses can bring a neuron in a time step, before the exponent shifts it."""
    low, high = synaptic_range(connection, program.node(connection.target).size)
    return float(max(high.max(), -low.min())) * largest_spike(program, connection.source)


def largest_sum_of_decision(
    program: SpikingProgram, node: Neurons, emissions: Callable[[str], int], token: float | None = None
) -> float:
    """Largest current of one sign that one of ``node``'s neurons can be brought in a whole decision.

    Spikes that a source emits at once arrive in as many time steps as it has delays here. A shift that rounds floors
    what each of these brings, so all of them together can exceed a floor of their sum by 1 for each but one.

    ``emissions`` says in how many time steps of a decision a source can emit; ``token`` as above.
    """
    connections = program.connections_into(node.name)
    floored = [item for item in connections if item.weighted and not is_whole(item)]
    further = sum(emissions(item.source) * max(len(np.unique(item.delay)) - 1, 0) for item in floored)
    return _largest_sum(program, node, connections, token, emissions) + further


def state_bounds(
    program: SpikingProgram, node: Neurons, steps: ActiveTimeSteps, token: float | None = None
) -> tuple[float, float]:
    """Bounds of |u| and |v| of a node's neurons, in units of u and v; infinite where a state never decays.

    A state is largest if the most that can arrive does so in every time step in which anything can:
    ``max_p Σ_k keep^k [something arrives at p − k]``, over all time steps k into the past. An accumulator begins every
    decision at 0, and sums what each source can send in it.

    Parameters
    ----------
    steps
        Those of the whole program; of ``program`` it needs the connections into the node and the encoder.
    token
        As in :func:`largest_current`.
    """
    arriving = steps.arriving[node.name]
    lif = node.as_lif("loihi")
    most = largest_current(program, node, token) * 2**CURRENT_SHIFT
    if not most or not arriving.any():
        return 0.0, 0.0
    current = most * _build_up(current_loss(lif), arriving)
    if isinstance(node, Accumulator):
        total = largest_sum_of_decision(program, node, lambda source: int(steps.emitted[source].sum()), token)
        return current, total * 2**CURRENT_SHIFT
    lasting = np.ones_like(arriving) if keeps_current(node) else arriving
    return current, current * _build_up(voltage_loss(lif), lasting)


def whole_bound(bound: float) -> int:
    """The largest integer that a bound of integers allows; at most a word, as valid programs' states are."""
    return math.floor(min(bound, LARGEST_WORD))


def _largest_sum(
    program: SpikingProgram,
    node: Neurons,
    connections: Iterable[Connection],
    token: float | None,
    emissions: Callable[[str], int] = lambda source: 1,
) -> float:
    positive, negative = np.zeros(node.size), np.zeros(node.size)
    for connection in connections:
        injected: Bound | float | None = token
        if injected is None and not connection.weighted:
            injected = program.largest_input(connection.source)
        up, down = _extremes(connection, injected, node.size, largest_spike(program, connection.source))
        positive += up * emissions(connection.source)
        negative += down * emissions(connection.source)
    return float(max(positive.max(), negative.max()))


def _headroom(program: SpikingProgram, node: Neurons, steps: ActiveTimeSteps) -> Headroom:
    current, voltage = (whole_bound(bound) for bound in state_bounds(program, node, steps))
    return Headroom(node.name, current, voltage, whole_bound(largest_arrival(program, node)))


def _extremes(connection: Connection, injected: Bound | float | None, size: int, spike: float) -> tuple[Bound, Bound]:
    """Largest positive and negative current that each target neuron can get, both as magnitudes, (size,).

    ``spike`` is the largest number that a synapse's spike stands for.
    A negative exponent floors a connection's sum, which takes a negative one away from 0.
    """
    scale = 2.0**connection.exponent
    if isinstance(connection, Injection):
        assert injected is not None
        up = down = np.broadcast_to(injected * scale, size)
    else:
        low, high = synaptic_range(connection, size)
        up, down = high * spike * scale, -low * spike * scale
    return (up, down) if connection.exponent >= 0 else (np.floor(up), np.ceil(down))


def _build_up(loss: int, arriving: TimeSteps) -> float:
    """The largest that a state can become, in units of what arrives in each of those time steps of every period."""
    keep, period = share_kept(loss), len(arriving)
    if keep == 1:
        return math.inf
    shares = keep ** np.arange(period)
    sums = [float((shares * np.roll(arriving[::-1], phase + 1)).sum()) for phase in range(period)]
    return max(sums) / (1 - keep**period)
