"""Networks for tests: layers of an ordinary network, and random ones; chips with small limits."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import lru_cache

import numpy as np

from hw_profiles.figure import Figure, Grade
from hw_profiles.loader import load_profile
from hw_profiles.network import (
    ChipNetwork,
    HostCurrent,
    NeuronParameters,
    Population,
    Projection,
    Role,
    SynapseFormat,
    SynapseList,
)
from hw_profiles.profile import Profile

PARAMETERS = NeuronParameters(current_decay=4095, voltage_decay=3072, threshold=1000)
UNITS = {
    "neurons_per_core": "neurons",
    "synapse_words_per_core": "words",
    "words_per_axon": "words",
    "axons_in_per_core": "axons",
    "axons_out_per_core": "axons",
    "synapse_formats_per_core": "formats",
    "neuron_groups_per_core": "groups",
    "delay_slots_per_core": "slots",
    "longest_delay": "steps",
    "weight_bits": "bits",
    "smallest_weight_exponent": "bits",
    "largest_weight_exponent": "bits",
    "threshold_bits": "bits",
    "decay_bits": "bits",
    "state_bits": "bits",
    "payload_bits": "bits",
    "cores_per_chip": "cores",
    "chips_per_board": "chips",
    "word_bits": "bits",
    "synapses_per_axon_block": "synapses",
    "dense_synapse_lists": "yes=1/no=0",
    "product_neurons": "yes=1/no=0",
}


def chip(chip_name: str = "loihi1-davies2018", /, **limits: int | None) -> Profile:
    """A shipped chip with other limits; None takes one away."""
    profile = _shipped(chip_name)
    assert profile.capacity is not None
    figures = {
        key: None if value is None else Figure(float(value), UNITS[key], Grade.datasheet, "a test")
        for key, value in limits.items()
    }
    return replace(profile, capacity=replace(profile.capacity, **figures))


@lru_cache
def _shipped(name: str) -> Profile:
    return load_profile(name)


def population(name: str, size: int, role: Role = Role.lif, depth: int = 0) -> Population:
    """LIF neurons, all alike."""
    return Population(name, size, role, depth, PARAMETERS, origin=name)


def dense(sources: int, targets: int, delay: int = 0, exponent: int = 0, weight_bits: int = 8) -> SynapseList:
    """From every source neuron to every target neuron."""
    source, target = np.divmod(np.arange(sources * targets, dtype=np.int32), targets)
    return SynapseList(
        source,
        target,
        np.full(len(source), delay, dtype=np.int32),
        np.zeros(len(source), dtype=np.int32),
        (SynapseFormat(weight_bits, exponent),),
    )


def network(
    populations: list[Population],
    projections: list[Projection],
    host_currents: tuple[HostCurrent, ...] = (),
    period: int = 20,
) -> ChipNetwork:
    """A stream with four active steps."""
    return ChipNetwork("test", "stream", 4, period, tuple(populations), tuple(projections), host_currents, host_macs=10)


def perceptron(*sizes: int) -> ChipNetwork:
    """Fully connected layers, one after the other."""
    layers = [population(f"layer{number}", size, depth=number) for number, size in enumerate(sizes)]
    projections = [
        Projection(before.name, after.name, dense(before.size, after.size))
        for before, after in itertools.pairwise(layers)
    ]
    return network(layers, projections)


def random_network(seed: int, largest: int = 12, longest_delay: int = 40) -> ChipNetwork:
    """Populations of any size with dense and listed synapses in any direction, some twice between the same neurons."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, largest, int(random.integers(1, 6)), endpoint=True)
    layers = [
        replace(
            population(f"layer{number}", int(size)),
            parameters=replace(PARAMETERS, threshold=int(random.integers(1, 4))),
        )
        for number, size in enumerate(sizes)
    ]
    projections = []
    for _ in range(int(random.integers(0, 7))):
        source, target = (layers[int(random.integers(len(layers)))] for _ in range(2))
        if random.random() < 0.4:
            delay, exponent = int(random.integers(0, longest_delay)), int(random.integers(-2, 3))
            synapses = dense(source.size, target.size, delay, exponent, int(random.integers(1, 9)))
        else:
            synapses = _listed(random, source.size, target.size, longest_delay)
        projections.append(Projection(source.name, target.name, synapses))
    reader = layers[int(random.integers(len(layers)))]
    current = HostCurrent(reader.name, reader.size, delay=0, exponent=int(random.integers(-2, 3)), value_bits=14)
    return network(layers, projections, (current,) if random.random() < 0.5 else ())


def _listed(random: np.random.Generator, sources: int, targets: int, longest_delay: int) -> SynapseList:
    count = int(random.integers(0, 25))
    formats = (SynapseFormat(8, 0), SynapseFormat(3, int(random.integers(-2, 3))))
    return SynapseList(
        random.integers(0, sources, count).astype(np.int32),
        random.integers(0, targets, count).astype(np.int32),
        random.integers(0, longest_delay, count).astype(np.int32),
        random.integers(0, 2, count).astype(np.int32),
        formats,
    )
