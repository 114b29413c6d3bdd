"""How long a decision takes on a chip: time step by time step, and what each one waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_profiles.capacity import Capacity
from hw_profiles.chip_events import EVENTS, ChipEvents
from hw_profiles.event_prices import EventTime
from hw_profiles.figure import Figure, Grade
from hw_profiles.mapping.chip_mapping import ChipMapping
from hw_profiles.network import ChipNetwork, NeuronParameters, Role
from hw_profiles.profile import Profile

NEURONS, SYNAPSES, NETWORK, BARRIER = "neuron loop", "synapse loop", "network", "barrier"
SHORTEST_SEEN = "shortest step seen"  # no board was seen to step faster, whatever its parts could do
LOOPS = {
    NEURONS: ("neuron_active", "neuron_idle", "spike_out"),
    SYNAPSES: ("synop",),
    NETWORK: ("message_in", "message_out"),
}  # what a core does one after another, by the term that it is reported as
HOPS = ("hop_ew", "hop_ns")
MICROSECOND = 1000.0  # in ns

Floats = NDArray[np.float64]
Choice = Callable[[Figure], float]


@dataclass(frozen=True)
class Span:
    """A duration: nominal value and band, all in the unit that its name says."""

    nominal: float
    low: float
    high: float


@dataclass(frozen=True)
class StepTime:
    """One time step of a decision.

    Attributes
    ----------
    step
        Its number within the decision, from 0.
    ns
        Its length in ns.
    terms
        Nominal parts in ns; the loops and messages are those of the core that the others wait for.
    binding
        The largest part, or ``shortest step seen`` where all of them together are shorter than that.
    """

    step: int
    ns: Span
    terms: Mapping[str, float]
    binding: str


@dataclass(frozen=True)
class TimeEstimate:
    """How long one decision takes.

    Attributes
    ----------
    profile
        The profile's name.
    steps
        The time steps of one decision alone on the chip.
    decision_us
        Fall-through: from the token to the end of its last time step, in µs. A closed loop waits for this.
    pipelined_us, pipelined_steps
        The shortest interval at which decisions could follow each other, in µs and in time steps.
    binding
        The term that binds for most of the decision's time.
    grade
        The weakest evidence of any time in it.
    assumptions
        A sentence with its source for each limit of the band beyond the sum of the parts.
    not_counted
        Events without a published time.
    """

    profile: str
    steps: tuple[StepTime, ...]
    decision_us: Span
    pipelined_us: Span
    pipelined_steps: int
    binding: str
    grade: Grade
    assumptions: tuple[str, ...]
    not_counted: tuple[str, ...]


def estimate_time(events: ChipEvents, profile: Profile, mapping: ChipMapping) -> TimeEstimate | None:
    """Time of one decision of a mapped network; None where the profile has no times.

    A core does its events one after another, the cores work side by side, and all wait for the slowest:

    ``t = max over cores(updates·t_update + spikes·t_spike + synops·t_synop + messages·t_message) + hops + barrier``

    with the events of the populations that are at work in that time step, their spikes spread evenly over their T
    steps. No step is taken to be shorter than the shortest that was seen on a board (``smallest_step``), except in
    the low end of the band. In the first and the last step of a decision the host writes currents and reads sums: a
    step with the host in it (``host_step``) is the high end of theirs.

    Parameters
    ----------
    events
        :func:`hw_profiles.chip_events.chip_events` of one decision on ``mapping``.
    profile, mapping
        A chip, and the network placed on it.
    """
    if profile.time is None or profile.capacity is None:
        return None
    network = mapping.network
    model = _StepModel(profile.time, profile.capacity, events, mapping)
    alone = model.steps(network.period)
    interval = shortest_interval(network)
    return TimeEstimate(
        profile=profile.name,
        steps=alone,
        decision_us=_sum_us(alone),
        pipelined_us=_sum_us(model.steps(interval)),
        pipelined_steps=interval,
        binding=_longest_binding(alone),
        grade=max((figure.grade for figure in _figures(profile.time)), key=lambda grade: grade.rank),
        assumptions=_assumptions(profile.time),
        not_counted=_untimed(profile.time),
    )


def shortest_interval(network: ChipNetwork) -> int:
    """Time steps after which another decision may begin while the last one is still under way.

    A membrane works T steps and must then decay to exactly 0, unless it is reset; an accumulator keeps a decision's sum
    from its first current to the end of the period. The delays that hold the past would have to be shortened to this
    interval.
    """
    spans = [
        network.period - population.depth
        if population.role is Role.accumulator
        else network.active_steps + _steps_to_zero(population.parameters, network.period)
        for population in network.populations
        if population.role is not Role.relay
    ]
    return min(max(spans), network.period)


class _StepModel:
    """The time steps of one mapped network by one chip's times."""

    def __init__(self, time: EventTime, capacity: Capacity, events: ChipEvents, mapping: ChipMapping) -> None:
        self._time, self._events, self._mapping = time, events, mapping
        self._barrier = _barrier(time, capacity, mapping)

    def steps(self, interval: int) -> tuple[StepTime, ...]:
        """The time steps of one decision when another follows every ``interval`` steps."""
        at_work = _at_work(self._mapping.network, interval)
        counts = self._core_counts(at_work)
        parts: dict[Choice, list[dict[str, float]]] = {
            choice: self._parts(counts, at_work, choice) for choice in (_nominal, _low, _high)
        }
        return tuple(self._step(step, interval, parts) for step in range(interval))

    def _core_counts(self, at_work: Floats) -> dict[str, Floats]:
        """Events of each core in each time step, (cores, steps), by the key of their time."""
        events, neurons = self._events, self._mapping.neurons_of_core.astype(np.float64)
        share = at_work / self._mapping.network.active_steps
        active = neurons @ at_work
        return {
            "neuron_active": active,
            "neuron_idle": neurons.sum(axis=1, keepdims=True) - active,
            "spike_out": events.spikes_out @ share,
            "synop": events.synops @ share,
            "message_in": events.messages_in @ share,
            "message_out": events.messages_out @ share,
        }

    def _parts(self, counts: Mapping[str, Floats], at_work: Floats, choice: Choice) -> list[dict[str, float]]:
        """Parts of each time step, in ns: the loops of the slowest core, the way of a message, the barrier."""
        loops = {
            term: sum((counts[key] * _each(self._time, key, choice) for key in keys), np.zeros_like(counts[keys[0]]))
            for term, keys in LOOPS.items()
        }
        slowest = sum(loops.values(), np.zeros_like(loops[NEURONS])).argmax(axis=0)
        way = self._longest_way(at_work, choice)
        return [
            {
                **{term: float(loop[core, step]) for term, loop in loops.items()},
                NETWORK: float(loops[NETWORK][core, step] + way[step]),
                BARRIER: choice(self._barrier) if self._barrier else 0.0,
            }
            for step, core in enumerate(slowest)
        ]

    def _longest_way(self, at_work: Floats, choice: Choice) -> Floats:
        """Mean way of a message of the population at work whose messages go farthest, (steps,), in ns."""
        messages = self._events.messages_in.sum(axis=0)
        hops = {"hop_ew": self._events.hops_ew, "hop_ns": self._events.hops_ns}
        ways = sum((hops[key] * _each(self._time, key, choice) for key in HOPS), np.zeros_like(messages))
        mean = np.divide(ways, messages, out=np.zeros_like(ways), where=messages > 0)
        longest: Floats = (at_work * mean[:, None]).max(axis=0)
        return longest

    def _step(self, step: int, interval: int, parts: Mapping[Choice, list[dict[str, float]]]) -> StepTime:
        terms = parts[_nominal][step]
        nominal, low, high = (sum(parts[choice][step].values()) for choice in (_nominal, _low, _high))
        floor, host = self._time.smallest_step, self._time.host_step
        if floor is not None:
            high = max(high, _high(floor))
        if host is not None and step in (0, interval - 1):
            high = max(high, _high(host))
        if floor is not None and nominal < floor.value:
            return StepTime(step, Span(floor.value, low, high), terms, SHORTEST_SEEN)
        return StepTime(step, Span(nominal, low, high), terms, max(terms, key=terms.__getitem__))


def _nominal(figure: Figure) -> float:
    return figure.value


def _low(figure: Figure) -> float:
    return figure.band[0]


def _high(figure: Figure) -> float:
    return figure.band[1]


def _each(time: EventTime, key: str, choice: Choice) -> float:
    """Duration of one event in ns; 0 where nobody published it."""
    figure: Figure | None = getattr(time, key)
    return 0.0 if figure is None else choice(figure)


def _at_work(network: ChipNetwork, interval: int) -> Floats:
    """1 where a population is at work in a time step, (populations, interval).

    With a decision every ``interval`` steps, what one does ``interval`` steps later another does now.
    """
    at_work = np.zeros((len(network.populations), interval))
    for row, population in enumerate(network.populations):
        at_work[row, (population.depth + np.arange(network.active_steps)) % interval] = 1.0
    return at_work


def _steps_to_zero(parameters: NeuronParameters, at_most: int) -> int:
    """Time steps without input after which a 24-bit voltage is exactly 0, counted up to ``at_most``; 0 by a reset."""
    voltage, steps = (0 if parameters.reset_step is not None else 2**23 - 1), 0
    while voltage and steps < at_most:
        voltage = voltage * (4096 - parameters.voltage_decay) // 4096
        steps += 1
    return steps


def _barrier(time: EventTime, capacity: Capacity, mapping: ChipMapping) -> Figure | None:
    """The time of a barrier: its low end for a single tile, its high end for all of a chip's; else as published."""
    if mapping.chips > 1:
        return time.chip_barrier or time.barrier
    barrier, tiles = time.barrier, mapping.tiles
    if barrier is None or capacity.mesh_columns is None or capacity.mesh_rows is None:
        return barrier
    low, high = barrier.band
    if tiles == 1:
        value = low
    elif tiles == capacity.mesh_columns.value * capacity.mesh_rows.value:
        value = high
    else:
        value = barrier.value
    return Figure(value, barrier.unit, barrier.grade, barrier.source, low=low, high=high)


def _sum_us(steps: Sequence[StepTime]) -> Span:
    return Span(*(sum(getattr(step.ns, field) for step in steps) / MICROSECOND for field in ("nominal", "low", "high")))


def _longest_binding(steps: Sequence[StepTime]) -> str:
    """The term that binds for the longest time."""
    lengths: dict[str, float] = {}
    for step in steps:
        lengths[step.binding] = lengths.get(step.binding, 0.0) + step.ns.nominal
    return max(lengths, key=lengths.__getitem__)


def _figures(time: EventTime) -> list[Figure]:
    return [figure for figure in vars(time).values() if figure is not None]


def _assumptions(time: EventTime) -> tuple[str, ...]:
    sentences = []
    if time.smallest_step is not None:
        sentences.append(f"no time step is shorter than one that was seen on a board: {time.smallest_step.source}")
    if time.host_step is not None:
        sentences.append(f"at most, the first and the last time step wait for the host: {time.host_step.source}")
    return tuple(sentences)


def _untimed(time: EventTime) -> tuple[str, ...]:
    keys = [key for loop in LOOPS.values() for key in loop] + list(HOPS)
    return tuple(f"{EVENTS[key]}: no time" for key in keys if getattr(time, key) is None)
