"""Lemaire's counts on a layer worked by hand, and against a simulation that counts as it goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_profiles.arithmetic.lemaire import (
    FullyConnectedLayer,
    LayerCounts,
    access_energy,
    formal_counts,
    layer_energy,
    spiking_counts,
)
from hw_profiles.loader import load_profile

MEMORY = load_profile("cmos45-memory")
ADDITION = ("read_potentials", "accumulates", "write_potentials")
LAYER = FullyConnectedLayer(inputs=3, outputs=2, steps=4, spikes_in=5, spikes_out=3)


def test_a_layer_worked_by_hand() -> None:
    """3 inputs, 2 neurons, 4 steps, 5 spikes in and 3 out: 5·2 synaptic operations, 4·2 updates, exact."""
    assert spiking_counts(LAYER) == LayerCounts(
        multiply_accumulates=8,  # one leak a neuron and step
        accumulates=10 + 8 + 3,  # weights, biases, resets
        addressing_accumulates=10,
        read_inputs=5,
        write_outputs=3,
        read_weights=10,
        read_biases=8,
        read_potentials=18,
        write_potentials=18,
    )


def test_neurons_that_do_not_leak_multiply_nothing() -> None:
    assert spiking_counts(FullyConnectedLayer(3, 2, 4, 5, 3, leaky=False)).multiply_accumulates == 0


def test_the_same_layer_as_an_ann_worked_by_hand() -> None:
    counts = formal_counts(3, 2)
    assert (counts.multiply_accumulates, counts.accumulates) == (6, 0)
    assert (counts.read_inputs + counts.read_weights + counts.read_biases, counts.write_outputs) == (3 + 6 + 2, 2)


def test_its_energy_worked_by_hand() -> None:
    """Accesses cost 13.2 pJ + 1.09e-5 pJ a bit: 3, 2 and 6 values of 32 bits 13.2010464, 13.2006976 and 13.2020928."""
    energy = layer_energy(spiking_counts(LAYER), LAYER.inputs, LAYER.outputs, MEMORY)
    assert energy.operations == pytest.approx(8 * 3.2 + 21 * 0.1, rel=1e-12)
    assert energy.addressing == pytest.approx(1.0, rel=1e-12)
    assert energy.inputs_and_outputs == pytest.approx(5 * 13.2010464 + 3 * 13.2006976, rel=1e-12)
    assert energy.weights_and_biases == pytest.approx(10 * 13.2020928 + 8 * 13.2006976, rel=1e-12)
    assert energy.potentials == pytest.approx(36 * 13.2006976, rel=1e-12)
    assert energy.total == pytest.approx(847.1589472, rel=1e-9)


def test_memory_dwarfs_arithmetic_which_is_the_papers_point() -> None:
    energy = layer_energy(spiking_counts(LAYER), LAYER.inputs, LAYER.outputs, MEMORY)
    assert energy.weights_and_biases + energy.potentials > 20 * energy.operations


def test_the_price_of_an_access_is_the_line_through_horowitz_memories() -> None:
    """8 KB 10 pJ, 32 KB 20 pJ, 1 MB 100 pJ (Horowitz, ISSCC 2014): least squares, 2 % (kilo is 1000)."""
    bits = np.array([8e3, 32e3, 1e6]) * 8
    slope, base = np.polyfit(bits, [10, 20, 100], 1)
    assert MEMORY.memory is not None
    assert MEMORY.memory.slope is not None
    assert MEMORY.memory.base_pj is not None
    assert MEMORY.memory.slope.value == pytest.approx(slope, rel=0.02)
    assert MEMORY.memory.base_pj.value == pytest.approx(base, rel=0.02)
    assert access_energy(MEMORY.memory, 1) == pytest.approx(13.2 + 32 * 1.09e-5, rel=1e-12)


@given(
    inputs=st.integers(1, 5),
    outputs=st.integers(1, 5),
    steps=st.integers(1, 6),
    seed=st.integers(0, 2**16),
    leaky=st.booleans(),
)
def test_counts_are_what_an_event_driven_simulation_does(
    inputs: int, outputs: int, steps: int, seed: int, leaky: bool
) -> None:
    """Every operation and access is counted where a layer of LIF neurons makes it, spike by spike."""
    random = np.random.default_rng(seed)
    weights, biases = random.normal(size=(outputs, inputs)), random.normal(size=outputs)
    potentials, done = np.zeros(outputs), dict.fromkeys(vars(spiking_counts(LAYER)), 0)
    for spikes in random.random((steps, inputs)) < 0.4:
        for source in np.flatnonzero(spikes):
            done["read_inputs"] += 1
            for target in range(outputs):
                potentials[target] += weights[target, source]
                for what in (
                    "addressing_accumulates",
                    "read_weights",
                    "read_potentials",
                    "accumulates",
                    "write_potentials",
                ):
                    done[what] += 1
        for target in range(outputs):
            potentials[target] = potentials[target] * (0.5 if leaky else 1.0) + biases[target]
            done["multiply_accumulates"] += leaky
            for what in ("read_biases", *ADDITION):
                done[what] += 1
            if potentials[target] > 1:
                potentials[target] -= 1
                done["accumulates"] += 1
                done["write_outputs"] += 1
    layer = FullyConnectedLayer(inputs, outputs, steps, done["read_inputs"], done["write_outputs"], leaky)
    assert vars(spiking_counts(layer)) == done
