"""A placed network on SANA-FE's description of Loihi: run by SANA-FE's own Python, of which this is the whole program.

    python sanafe_worker.py NETWORK.npz ANSWER.npz

SANA-FE adds up what synapses without delay bring. Its synapses with a delay weigh 0 there, so that it counts their
events when the spike arrives; what they bring is added to the bias in the time step in which it is due, since SANA-FE's
own delays end at 5 time steps. Everything is computed from SANA-FE's own spikes.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import sanafe

ROWS = 4  # of tiles; SANA-FE numbers them column by column
EVENTS = ("synops", "messages", "hops_ew", "hops_ns", "updates")
COSTS = ("sim_time", "synapse_energy", "soma_energy", "network_energy", "total_energy")
NEVER = 1e12
Arrays = dict[str, Any]


def main(given_path: str, answer_path: str) -> None:
    """Read a network, run it and write what happened."""
    given = dict(np.load(given_path))
    architecture = sanafe.load_loihi()
    groups = _groups(given)
    chip = sanafe.SpikingChip(architecture)
    chip.load(_network(given, groups, architecture))
    np.savez_compressed(answer_path, **_run(chip, given, groups))


@dataclass(frozen=True)
class Group:
    """A population: neurons ``first`` … ``end − 1``."""

    name: str
    first: int
    end: int


def _groups(given: Arrays) -> list[Group]:
    firsts = given["first"].tolist()
    ends = [*firsts[1:], len(given["core"])]
    return [Group(f"p{number}", first, end) for number, (first, end) in enumerate(zip(firsts, ends, strict=True))]


def _network(given: Arrays, groups: list[Group], architecture: Any) -> Any:
    network = sanafe.Network()
    places = np.stack([given[key] for key in ("tile_x", "tile_y", "index_in_tile")], axis=1).tolist()
    cores = [architecture.tiles[x * ROWS + y].cores[index] for x, y, index in places]
    made = [_neurons(network, given, group, cores) for group in groups]
    _connect(given, groups, made)
    return network


def _neurons(network: Any, given: Arrays, group: Group, cores: list[Any]) -> Any:
    silent = bool(given["silent"][group.first])
    made = network.create_neuron_group(
        group.name,
        group.end - group.first,
        model_attributes={
            "threshold": NEVER if silent else float(given["threshold"][group.first]),
            "leak_decay": float(given["keep"][group.first]),
            "reset_mode": "hard",
        },
        default_synapse_hw_name="loihi_dense_synapse",
        default_dendrite_hw_name="loihi_dendrites",
        soma_hw_name="loihi_lif",
        log_spikes=True,
        log_potential=silent,
    )
    for neuron in range(group.first, group.end):
        made[neuron - group.first].map_to_core(cores[given["core"][neuron]])
    return made


def _connect(given: Arrays, groups: list[Group], made: list[Any]) -> None:
    """Every synapse; those with a delay weigh 0."""
    firsts = np.array([group.first for group in groups])
    weight = np.where(given["delay"] == 0, given["weight"], 0.0)
    source, target = (np.searchsorted(firsts, given[end], side="right") - 1 for end in ("source", "target"))
    pairs = source * len(groups) + target
    for pair in np.unique(pairs).tolist():
        chosen, one, other = np.flatnonzero(pairs == pair), pair // len(groups), pair % len(groups)
        ends = np.stack([given["source"][chosen] - firsts[one], given["target"][chosen] - firsts[other]], axis=1)
        made[one].connect_neurons_sparse(
            made[other], {"weight": weight[chosen].tolist()}, list(map(tuple, ends.tolist()))
        )


def _run(chip: Any, given: Arrays, groups: list[Group]) -> Arrays:
    """Every spike, the events and costs of each time step, and the accumulators at the end of each decision."""
    injected, period = given["injected"], int(given["period"])
    steps, neurons = injected.shape
    mapped = [neuron for group in groups for neuron in chip.mapped_neuron_groups[group.name]]
    first = {group.name: group.first for group in groups}
    silent, late = np.flatnonzero(given["silent"]), LateArrivals(given, neurons)
    bias, held, begun = np.zeros(neurons), np.zeros(len(silent)), time.perf_counter()
    answer: Arrays = {name: np.zeros(steps) for name in (*EVENTS, *COSTS)}
    answer["fired"], answer["accumulators"] = np.zeros((steps, neurons), bool), np.zeros((steps // period, len(silent)))
    for step in range(steps):
        wanted = injected[step] + late.due(step)
        if step % period == 0:
            wanted[silent] -= held  # an accumulator begins every decision at 0
        for neuron in np.flatnonzero(wanted != bias):
            mapped[neuron].set_attributes(model_attributes={"bias": float(wanted[neuron])})
        bias = wanted
        result = chip.sim(
            1, processing_threads=1, spike_trace=True, potential_trace=True, perf_trace=True, message_trace=True
        )
        fired = [first[address.group_name] + address.neuron_offset for address in result["spike_trace"][0]]
        answer["fired"][step, fired] = True
        late.send(step, fired)
        held = np.array(result["potential_trace"][0])
        answer["accumulators"][step // period] = held
        _note(answer, step, result)
    return answer | {"seconds": time.perf_counter() - begun}


def _note(answer: Arrays, step: int, result: Any) -> None:
    """Keep the events and costs of a time step."""
    messages = [message for message in result["message_trace"][0] if not message["placeholder"]]
    answer["messages"][step] = len(messages)
    answer["hops_ew"][step] = sum(abs(message["src_x"] - message["dest_x"]) for message in messages)
    answer["hops_ns"][step] = sum(abs(message["src_y"] - message["dest_y"]) for message in messages)
    performance = {name: values[0] for name, values in result["perf_trace"].items()}
    answer["synops"][step], answer["updates"][step] = performance["spikes"], performance["updated"]
    for name in COSTS:
        answer[name][step] = performance[name]


class LateArrivals:
    """The current that synapses with a delay bring, time step by time step."""

    def __init__(self, given: Arrays, neurons: int) -> None:
        late = np.flatnonzero(given["delay"] > 0)
        order = late[np.argsort(given["source"][late], kind="stable")]
        self._target, self._delay, self._weight = (given[key][order] for key in ("target", "delay", "weight"))
        self._ends = np.searchsorted(given["source"][order], np.arange(neurons + 1))
        self._ring = np.zeros((int(given["delay"].max(initial=0)) + 2, neurons))

    def send(self, step: int, fired: list[int]) -> None:
        """Take in a time step's spikes."""
        for neuron in fired:
            its = slice(self._ends[neuron], self._ends[neuron + 1])
            slots = (step + 1 + self._delay[its]) % len(self._ring)
            np.add.at(self._ring, (slots, self._target[its]), self._weight[its])

    def due(self, step: int) -> Any:
        """The current that arrives in a time step, (neurons,), which is then forgotten."""
        slot = step % len(self._ring)
        arrived = self._ring[slot].copy()
        self._ring[slot] = 0
        return arrived


if __name__ == "__main__":
    main(*sys.argv[1:])
