"""The parts of a program that a chip has to hold: groups of neurons, their synapses, and the currents that the host
brings.

A mapper needs no weight's value, only that there is a synapse, how many bits it takes, its power of two and its delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError

ContextLayout = Literal["stream", "window"]
Indices = NDArray[np.int32]


class Role(Enum):
    """The computation of a group of neurons."""

    lif = "leaky integrate-and-fire"
    coincidence = "coincidence (AND)"
    product = "product of two signals"
    graded = "rectified sum, sent as a graded spike"
    accumulator = "accumulator"
    bias = "bias line"
    input = "spikes of the host"
    relay = "relay"


@dataclass(frozen=True)
class NeuronParameters:
    """Integers that neurons of one group share.

    Attributes
    ----------
    current_decay, voltage_decay, threshold
        Mantissas.
    state_bits
        Width of current and voltage that the program was made for, with the sign.
    payload_bits
        Width of the largest number that their graded spikes can carry, with the sign; 0 where spikes carry none.
    reset_step
        The time step of each decision in which they are reset; None where they never are.
    """

    current_decay: int
    voltage_decay: int
    threshold: int
    state_bits: int = 24
    payload_bits: int = 0
    reset_step: int | None = None


@dataclass(frozen=True)
class Population:
    """Neurons with the same parameters and the same task; a report's layer.

    Attributes
    ----------
    depth
        First time step of a decision in which a token's spikes reach it.
    origin
        The program's population whose spikes these neurons repeat: its own name, or of a relay the population at the
        chain's start, or of a token's copy in a window the population that is copied.
    """

    name: str
    size: int
    role: Role
    depth: int
    parameters: NeuronParameters
    origin: str


@dataclass(frozen=True, order=True)
class SynapseFormat:
    """How a synapse's weight is stored: bits of its mantissa with the sign, and its power of two."""

    weight_bits: int
    exponent: int


@dataclass(frozen=True, eq=False)
class SynapseList:
    """Listed synapses, all arrays (synapses,): one from neuron ``source_index`` to ``target_index``.

    A spike of time step t arrives at ``t + 1 + delay``. Projections of several tokens may share one object.

    Attributes
    ----------
    format_index
        Number of the synapse's format in ``formats``.
    """

    source_index: Indices
    target_index: Indices
    delay: Indices
    format_index: Indices
    formats: tuple[SynapseFormat, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.source_index)

    def select(self, chosen: NDArray[np.bool_], delay: Indices) -> SynapseList:
        """The ``chosen`` ones, (synapses,), with other delays, (chosen,)."""
        return SynapseList(
            self.source_index[chosen], self.target_index[chosen], delay, self.format_index[chosen], self.formats
        )


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from one population to another."""

    source: str
    target: str
    synapses: SynapseList


@dataclass(frozen=True)
class HostCurrent:
    """A value from the host into each neuron of ``target``, held for the T active steps from time step ``delay`` on.

    Attributes
    ----------
    exponent
        Power of two that scales the value.
    value_bits
        Bits of the largest value, with its sign.
    """

    target: str
    size: int
    delay: int
    exponent: int
    value_bits: int


@dataclass(frozen=True, eq=False)
class ChipNetwork:
    """A policy's neurons and synapses, whatever runs them.

    Attributes
    ----------
    layout
        ``stream``: the newest token alone is computed, the past is in delays; ``window``: every token of the context.
    active_steps, period
        T and P: in P time steps of a decision a population works T.
    populations
        In the order in which a token's spikes first reach them.
    host_macs
        Multiply-accumulates of the host's encoder and readout, a decision.
    context
        Tokens of a window; None in a stream.
    """

    name: str
    layout: ContextLayout
    active_steps: int
    period: int
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    host_currents: tuple[HostCurrent, ...]
    host_macs: int
    context: int | None = None

    def __post_init__(self) -> None:
        _require(
            self.active_steps >= 1, f"the network {self.name} has {self.active_steps} active steps; give 1 or more"
        )
        _require(
            self.period >= self.active_steps,
            f"the network {self.name} has a period of {self.period}, shorter than its {self.active_steps} active steps",
        )
        names = [population.name for population in self.populations]
        for name in names:
            _require(names.count(name) == 1, f"the network {self.name} has two populations called {name}; rename one")
        for population in self.populations:
            _require(population.size >= 1, f"{population.name} has {population.size} neurons; give it 1 or more")
        sizes = {population.name: population.size for population in self.populations}
        for projection in self.projections:
            _check_projection(projection, sizes)
        for current in self.host_currents:
            _require(
                sizes.get(current.target) == current.size,
                f"the host's current of {current.size} values into {current.target} needs a population of that size",
            )

    def population(self, name: str) -> Population:
        """The population called ``name``.

        Raises
        ------
        KeyError
            There is none.
        """
        for population in self.populations:
            if population.name == name:
                return population
        raise KeyError(name)

    @property
    def neurons(self) -> int:
        """Neurons of all populations."""
        return sum(population.size for population in self.populations)

    @property
    def synapses(self) -> int:
        """Synapses of all projections."""
        return sum(projection.synapses.count for projection in self.projections)

    def synops_per_spike(self, source: str) -> dict[str, float]:
        """Synapses at each target population of an average neuron of ``source``."""
        size = self.population(source).size
        synops: dict[str, float] = {}
        for projection in self.projections:
            if projection.source == source:
                synops[projection.target] = synops.get(projection.target, 0.0) + projection.synapses.count / size
        return synops


def _check_projection(projection: Projection, sizes: dict[str, int]) -> None:
    title = f"the projection {projection.source} -> {projection.target}"
    for end in (projection.source, projection.target):
        _require(end in sizes, f"{title} names {end}, which is no population")
    synapses = projection.synapses
    arrays = (synapses.source_index, synapses.target_index, synapses.delay, synapses.format_index)
    _require(all(array.shape == (synapses.count,) for array in arrays), f"{title} has arrays of different lengths")
    limits = (sizes[projection.source], sizes[projection.target], None, len(synapses.formats))
    for what, array, limit in zip(("source", "target", "delay", "format"), arrays, limits, strict=True):
        if array.size:
            _require(int(array.min()) >= 0, f"{title} has {what} {int(array.min())}, below 0")
            _require(
                limit is None or int(array.max()) < limit, f"{title} has {what} {int(array.max())} of only {limit}"
            )


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise UserError(sentence)
