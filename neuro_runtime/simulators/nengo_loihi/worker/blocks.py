"""A program's nodes and connections as nengo-loihi's blocks: integer compartments, and axons that end at them.

The emulator has neither delays nor a source that spikes by itself. So every spike comes in through a `SpikeInput`, when
it is due: one of time step t through a synapse of delay d arrives at ``t + 1 + d``. Weights are in units of u, which is
their mantissa shifted left by 6 and the exponent; a negative exponent rounds each weight by itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.inputs import SpikeInput
from numpy.typing import NDArray

# As in `neuro_runtime.program.limits`, which the emulator's Python does not have.
AND_DECAY = 4095  # both decays of a coincidence neuron
CLEARED_CURRENT = 4095  # the decay of a current that lasts one time step
CURRENT_SHIFT = 6
LARGEST_THRESHOLD = 131071  # that of neurons that never spike
STATE_LIMIT = 8388608
INJECTED_BITS = 25  # more than any current that a valid program's host can inject

Numbers = NDArray[np.intp]
Words = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Bundle:
    """The axons of one connection: axon n hears source neuron ``neuron[n]`` after ``delay[n]`` time steps."""

    source: str
    entry: SpikeInput
    neuron: Numbers
    delay: Numbers


@dataclass(frozen=True)
class NeuronParameters:
    """A node's neurons share both decays, in 1/4096, and the threshold, which v must exceed."""

    current_decay: int
    voltage_decay: int
    threshold: int


def neuron_parameters(node: SimpleNamespace) -> NeuronParameters:
    """The decays and the threshold by which the neurons of a node with states run."""
    if node.kind == "Accumulator":
        return NeuronParameters(CLEARED_CURRENT, 0, LARGEST_THRESHOLD << CURRENT_SHIFT)
    threshold = int(node.threshold) << CURRENT_SHIFT
    if node.kind == "And":
        return NeuronParameters(AND_DECAY, AND_DECAY, threshold)
    return NeuronParameters(int(node.current_decay), int(node.voltage_decay), threshold - node.fires_at_threshold)


def add_block(model: Model, node: SimpleNamespace) -> LoihiBlock:
    """A node's neurons. That their parameters are int32 is what makes the emulator compute in integers."""
    parameters, block = neuron_parameters(node), LoihiBlock(node.size, label=node.name)
    compartment = block.compartment
    compartment.decay_u = _words(node.size, parameters.current_decay)
    compartment.decay_v = _words(node.size, parameters.voltage_decay)
    compartment.vth = _words(node.size, parameters.threshold)
    compartment.bias = _words(node.size, 0)
    compartment.refract_delay = _words(node.size, 1)
    compartment.scale_u = compartment.scale_v = False
    # By default v has a floor of 0.
    compartment.vmin, compartment.vmax = 1 - STATE_LIMIT, STATE_LIMIT - 1
    model.add_block(block)
    return block


def add_synapses(model: Model, block: LoihiBlock, connection: SimpleNamespace) -> Bundle:
    """A connection's synapses, an axon for each source neuron and delay that has any."""
    targets: dict[tuple[int, int], list[int]] = defaultdict(list)
    weights: dict[tuple[int, int], list[int]] = defaultdict(list)
    for source, delay, target, weight in _listed(connection):
        targets[source, delay].append(target)
        weights[source, delay].append(weight)
    axons = [_merged(targets[axon], weights[axon]) for axon in targets]
    ends = np.array(list(targets), dtype=np.intp).reshape(-1, 2)
    return Bundle(connection.source, _add_axons(model, block, axons), ends[:, 0], ends[:, 1])


def add_injection(model: Model, block: LoihiBlock, source: str) -> Bundle:
    """An axon for each sign, bit and neuron: the host's current as spikes, for neurons that keep current.

    Axon ``(sign·bits + bit)·size + n`` brings neuron n ``±2^bit`` weight units.
    """
    size = block.n_neurons
    axons = [
        (np.array([n], dtype=np.int32), np.array([sign << (CURRENT_SHIFT + bit)], dtype=np.int32))
        for sign in (1, -1)
        for bit in range(INJECTED_BITS)
        for n in range(size)
    ]
    none = np.zeros(len(axons), dtype=np.intp)
    return Bundle(source, _add_axons(model, block, axons), none, none)


def injection_axons(current: NDArray[np.int64]) -> Numbers:
    """The axons of `add_injection` that carry ``current``, (size,)."""
    bits = np.abs(current) >> np.arange(INJECTED_BITS)[:, None] & 1
    return np.flatnonzero([bits * (current > 0), bits * (current < 0)])


def _listed(connection: SimpleNamespace) -> list[tuple[int, int, int, int]]:
    """Source, delay, target and weight of every synapse."""
    weight = _in_units_of_u(connection.weight.astype(np.int64), int(connection.exponent))
    if connection.kind == "Sparse":
        columns = (connection.source_index, connection.delay, connection.target_index, weight)
    else:
        target, source = np.nonzero(weight)
        columns = (source, np.full(len(source), connection.delay), target, weight[target, source])
    return list(zip(*(column.tolist() for column in columns)))  # noqa: B905


def _in_units_of_u(weight: NDArray[np.int64], exponent: int) -> NDArray[np.int64]:
    """The weights that the emulator adds: rounded to a multiple of 2^6, each by itself."""
    if exponent >= 0:
        return weight << (exponent + CURRENT_SHIFT)
    rounded: NDArray[np.int64] = np.rint(weight * 2.0**exponent).astype(np.int64) << CURRENT_SHIFT
    return rounded


def _merged(targets: list[int], weights: list[int]) -> tuple[Words, Words]:
    """An axon's targets, each once, and their weights: of several to one target the emulator would add the last."""
    once, place = np.unique(targets, return_inverse=True)
    total = np.zeros(len(once), dtype=np.int64)
    np.add.at(total, place, weights)
    return once.astype(np.int32), total.astype(np.int32)


def _add_axons(model: Model, block: LoihiBlock, axons: list[tuple[Words, Words]]) -> SpikeInput:
    synapse, entry, axon = Synapse(len(axons)), SpikeInput(len(axons)), Axon(len(axons))
    synapse.format(weight_bits=7, fanout_type=1)
    synapse.indices = [targets[None] for targets, _ in axons]
    synapse.weights = [weights[None] for _, weights in axons]
    block.add_synapse(synapse)
    axon.target = synapse
    axon.set_compartment_axon_map(np.arange(len(axons)))
    entry.add_axon(axon)
    model.add_input(entry)
    return entry


def _words(size: int, value: int) -> Words:
    return np.full(size, value, dtype=np.int32)
