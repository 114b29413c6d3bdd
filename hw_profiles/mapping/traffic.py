"""Synaptic operations and messages of a spike, core by core, once its network is divided into cores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_profiles.mapping.chip_mapping import Floats, Slice
from hw_profiles.network import ChipNetwork


@dataclass(frozen=True, eq=False)
class Senders:
    """How many of a population's neurons on each of ``cores`` send to each core: ``neurons[from, to]``."""

    cores: NDArray[np.int64]
    neurons: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Traffic:
    """Per-spike work of a divided network, and who sends to whom.

    Attributes
    ----------
    synops_per_spike, messages_per_spike
        The same as in :class:`~hw_profiles.mapping.chip_mapping.ChipMapping`, (cores, populations).
    senders
        Senders of each population.
    neurons_of_core
        (cores, populations).
    """

    synops_per_spike: Floats
    messages_per_spike: Floats
    senders: tuple[Senders, ...]
    neurons_of_core: NDArray[np.int64]

    @property
    def axons_out(self) -> NDArray[np.int64]:
        """Output axons of each core, (cores,): one for each of its neurons and core that it sends to."""
        axons = np.zeros(len(self.neurons_of_core), dtype=np.int64)
        for sent in self.senders:
            axons[sent.cores] += sent.neurons.sum(axis=1)
        return axons

    def between_cores(self, spikes_of_neuron: Sequence[float]) -> Floats:
        """Messages from each core to each, [from, to], if a neuron of population p spikes ``spikes_of_neuron[p]``."""
        cores = len(self.neurons_of_core)
        messages = np.zeros((cores, cores))
        for rate, sent in zip(spikes_of_neuron, self.senders, strict=True):
            messages[sent.cores] += rate * sent.neurons
        return messages

    def mean_over_messages(self, apart: NDArray[np.int64]) -> Floats:
        """Sum of ``apart[from, to]`` over the messages of one spike of an average neuron, (populations,)."""
        sums = np.array([(sent.neurons * apart[sent.cores]).sum() for sent in self.senders])
        mean: Floats = sums / self.neurons_of_core.sum(axis=0)
        return mean


def traffic_of(network: ChipNetwork, pieces: Sequence[tuple[Slice, ...]]) -> Traffic:
    """Count the work of ``pieces``, the slices of each core."""
    core_of_neuron = {item.name: np.zeros(item.size, dtype=np.int64) for item in network.populations}
    for core, slices in enumerate(pieces):
        for part in slices:
            core_of_neuron[part.population][part.first : part.end] = core
    cores = len(pieces)
    synops = np.zeros((cores, len(network.populations)))
    reaches = {item.name: np.zeros((cores, item.size), dtype=bool) for item in network.populations}
    column = {item.name: number for number, item in enumerate(network.populations)}
    for projection in network.projections:
        destination = core_of_neuron[projection.target][projection.synapses.target_index]
        synops[:, column[projection.source]] += np.bincount(destination, minlength=cores)
        reaches[projection.source][destination, projection.synapses.source_index] = True
    sizes = np.array([item.size for item in network.populations])
    senders = tuple(_senders(reaches[item.name], core_of_neuron[item.name]) for item in network.populations)
    messages = np.stack([sent.neurons.sum(axis=0) for sent in senders], axis=1) / sizes
    neurons = np.stack(
        [np.bincount(core_of_neuron[item.name], minlength=cores) for item in network.populations], axis=1
    )
    return Traffic(synops / sizes, messages, senders, neurons)


def _senders(reaches: NDArray[np.bool_], core_of_neuron: NDArray[np.int64]) -> Senders:
    """Count ``reaches``, (to, neurons), by the neurons' own cores, each of which has some in a row."""
    cores, first = np.unique(core_of_neuron, return_index=True)
    return Senders(cores, np.add.reduceat(reaches, first, axis=1, dtype=np.int64).T)
