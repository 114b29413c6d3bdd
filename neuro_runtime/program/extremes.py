"""The most extreme numbers of a loihi program: set in it, proven whatever spikes arrive, and observed in a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hw_profiles.chip_arithmetic import Extreme, Quantity
from neuro_runtime.program.active_time_steps import ActiveTimeSteps, active_time_steps
from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.program.decay import keeps_current
from neuro_runtime.program.headroom import largest_arrival, largest_injection, largest_spike, state_bounds, whole_bound
from neuro_runtime.program.nodes import Accumulator, GradedRelu, Injection, Lif, Neurons
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.program.weight_matrices import is_whole


def extremes(
    program: SpikingProgram, token: float | None = None, observed: Iterable[ArrivalPeaks] = ()
) -> list[Extreme]:
    """Every extreme of every node, in the order of the nodes.

    Parameters
    ----------
    token
        The largest integer that the host gives for a channel of the token; by default what its encoder can reach in
        each.
    observed
        The largest arrivals of a run.
    """
    peaks = {peak.node: peak for peak in observed}
    steps = active_time_steps(program)
    return [
        extreme
        for node in program.neurons
        for extreme in extremes_of(program, node, steps, token, peaks.get(node.name))
    ]


def extremes_of(
    program: SpikingProgram,
    node: Neurons,
    steps: ActiveTimeSteps,
    token: float | None = None,
    observed: ArrivalPeaks | None = None,
) -> list[Extreme]:
    """One node's part of :func:`extremes`; of the program it needs the connections into it and the encoder.

    ``steps`` are those of the whole program.
    """
    return [
        *_exponents(program, node),
        *_thresholds(node),
        *_resets(node),
        *_arrivals(program, node, token, observed),
        *_states(program, node, token, steps),
        *_graded_spikes(program, node),
    ]


def _exponents(program: SpikingProgram, node: Neurons) -> Iterator[Extreme]:
    """Those by which a shift rounds weights or sums."""
    for connection in program.connections_into(node.name):
        if connection.weighted and not is_whole(connection):
            where = f"{type(connection).__name__} {connection.source} -> {connection.target}"
            yield Extreme(node.name, where, "exponent", int(connection.exponent))


def _thresholds(node: Neurons) -> Iterator[Extreme]:
    if isinstance(node, Lif):
        yield Extreme(node.name, node.name, "threshold", int(node.threshold))


def _resets(node: Neurons) -> Iterator[Extreme]:
    if isinstance(node, Lif) and node.reset_step is not None:
        yield Extreme(node.name, node.name, "reset", node.reset_step)


def _arrivals(
    program: SpikingProgram, node: Neurons, token: float | None, peak: ArrivalPeaks | None
) -> Iterator[Extreme]:
    seen = None if peak is None else peak.total if keeps_current(node) else peak.synaptic
    yield _bounded(node, "arrival", largest_arrival(program, node, token), seen)
    if step := injection_step(program, node):
        injected = largest_injection(program, node, token)
        yield _bounded(node, "injection", injected, peak.injected if peak else None, step=step)


def injection_step(program: SpikingProgram, node: Neurons) -> int:
    """The power of two that every current of the host into a node is a multiple of; 0 where none comes as a bias."""
    exponents = [item.exponent for item in program.connections_into(node.name) if isinstance(item, Injection)]
    return 2 ** max(min(exponents), 0) if exponents and not keeps_current(node) else 0


def _states(program: SpikingProgram, node: Neurons, token: float | None, steps: ActiveTimeSteps) -> Iterator[Extreme]:
    current, voltage = state_bounds(program, node, steps, token)
    yield _bounded(node, "current", current)
    # An accumulator must not exceed the largest threshold that a chip can give it.
    yield _bounded(node, "voltage", voltage, silent=isinstance(node, Accumulator))


def _graded_spikes(program: SpikingProgram, node: Neurons) -> Iterator[Extreme]:
    if isinstance(node, GradedRelu):
        yield Extreme(node.name, node.name, "graded spike", whole_bound(largest_spike(program, node.name)))


def _bounded(
    node: Neurons, quantity: Quantity, bound: float, observed: int | None = None, step: int = 1, silent: bool = False
) -> Extreme:
    """An extreme by its bound."""
    return Extreme(node.name, node.name, quantity, whole_bound(bound), observed, step, silent)
