"""Counts and energy of a fully connected layer after Lemaire et al. (ICONIP 2022, arXiv 2210.13107).

Followed as its laboratory implements it (qualia-plugin-snn), with its errata: the paper's equation 2.4 has the number
of inputs once too often and leaves out the reset, and the implementation's addressing term multiplies the rate where
the paper means the number of spikes.
"""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.event_prices import MemoryEnergy
from hw_profiles.figure import Figure
from hw_profiles.profile import Profile


@dataclass(frozen=True)
class FullyConnectedLayer:
    """One layer of spiking neurons and what it did in one inference.

    Attributes
    ----------
    inputs, outputs
        Neurons before and in it.
    steps
        Time steps T.
    spikes_in, spikes_out
        Spikes over all steps, θ.
    leaky
        Whether a neuron multiplies its potential by a leak in every step (LIF) or not (IF).
    """

    inputs: int
    outputs: int
    steps: int
    spikes_in: float
    spikes_out: float
    leaky: bool = True


@dataclass(frozen=True)
class LayerCounts:
    """Operations and accesses to memory of one layer in one inference.

    Attributes
    ----------
    multiply_accumulates, accumulates
        Operations of the neurons and synapses.
    addressing_accumulates
        To find where a weight or potential lies.
    read_inputs, write_outputs, read_weights, read_biases, read_potentials, write_potentials
        Values that go from or to memory.
    """

    multiply_accumulates: float
    accumulates: float
    addressing_accumulates: float
    read_inputs: float
    write_outputs: float
    read_weights: float
    read_biases: float
    read_potentials: float
    write_potentials: float


@dataclass(frozen=True)
class LayerEnergy:
    """Energy of one layer in one inference, in pJ: operations, addressing, and memory by what is in it."""

    operations: float
    addressing: float
    inputs_and_outputs: float
    weights_and_biases: float
    potentials: float

    @property
    def total(self) -> float:
        """All terms, in pJ."""
        return self.operations + self.addressing + self.inputs_and_outputs + self.weights_and_biases + self.potentials


def spiking_counts(layer: FullyConnectedLayer) -> LayerCounts:
    """Counts of a spiking layer: a spike adds one weight to every output, a step adds every bias, a reset subtracts.

    ``ACC = θ_in N_out + T N_out + θ_out``, ``MAC = T N_out`` if leaky; every addition reads and writes a potential.
    """
    synaptic = layer.spikes_in * layer.outputs
    updates = layer.steps * layer.outputs
    return LayerCounts(
        multiply_accumulates=updates if layer.leaky else 0,
        accumulates=synaptic + updates + layer.spikes_out,
        addressing_accumulates=synaptic,
        read_inputs=layer.spikes_in,
        write_outputs=layer.spikes_out,
        read_weights=synaptic,
        read_biases=updates,
        read_potentials=synaptic + updates,
        write_potentials=synaptic + updates,
    )


def formal_counts(inputs: int, outputs: int) -> LayerCounts:
    """Counts of the same layer as an artificial neural network: ``MAC = N_in N_out``, every value read once."""
    return LayerCounts(
        multiply_accumulates=inputs * outputs,
        accumulates=0,
        addressing_accumulates=0,
        read_inputs=inputs,
        write_outputs=outputs,
        read_weights=inputs * outputs,
        read_biases=outputs,
        read_potentials=0,
        write_potentials=0,
    )


def layer_energy(counts: LayerCounts, inputs: int, outputs: int, profile: Profile) -> LayerEnergy:
    """Energy of one layer, with a memory of just the needed size for inputs, outputs, weights, biases and potentials.

    Parameters
    ----------
    counts
        From :func:`spiking_counts` or :func:`formal_counts`.
    inputs, outputs
        Neurons before and in it, which size the memories.
    profile
        One with ``mac``, ``accumulate`` and a ``memory``: ``cmos45-memory``.
    """
    mac, add, memory = _required(profile.energy.mac), _required(profile.energy.accumulate), profile.memory
    if memory is None:
        raise ValueError(f"profile {profile.name} says nothing of memory")
    return LayerEnergy(
        operations=counts.multiply_accumulates * mac + counts.accumulates * add,
        addressing=counts.addressing_accumulates * add,
        inputs_and_outputs=counts.read_inputs * access_energy(memory, inputs)
        + counts.write_outputs * access_energy(memory, outputs),
        weights_and_biases=counts.read_weights * access_energy(memory, inputs * outputs)
        + counts.read_biases * access_energy(memory, outputs),
        potentials=(counts.read_potentials + counts.write_potentials) * access_energy(memory, outputs),
    )


def access_energy(memory: MemoryEnergy, elements: float) -> float:
    """One access to a memory of so many values, in pJ: ``base_pj + slope · elements · word_bits``."""
    return _required(memory.base_pj) + _required(memory.slope) * elements * _required(memory.word_bits)


def _required(figure: Figure | None) -> float:
    if figure is None:
        raise ValueError("this profile lacks a price that Lemaire's account needs; use cmos45-memory")
    return figure.value
