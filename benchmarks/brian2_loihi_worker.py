"""Layers on brian2-loihi: run by brian2-loihi's own Python, of which this is the whole program.

    python brian2_loihi_worker.py LAYERS.npz ANSWER.npz

Each layer is a network of its own. Its axons' spikes come from generators at the time steps in which they arrive, so
that no synapse has a delay.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from brian2 import prefs
from brian2_loihi import (
    LoihiNetwork,
    LoihiNeuronGroup,
    LoihiSpikeGeneratorGroup,
    LoihiSpikeMonitor,
    LoihiStateMonitor,
    LoihiSynapses,
    synapse_sign_mode,
)

Arrays = dict[str, Any]


def main(given_path: str, answer_path: str) -> None:
    """Read the layers, run each, and write their spikes, currents, voltages and seconds."""
    prefs.codegen.target = "numpy"
    given = dict(np.load(given_path))
    answer: Arrays = {}
    for layer in json.loads(str(given["layers"])):
        answer.update(_run(layer, given))
    np.savez_compressed(answer_path, **answer)


def _run(layer: Arrays, given: Arrays) -> Arrays:
    name, size, steps = layer["name"], layer["size"], layer["steps"]
    neurons = LoihiNeuronGroup(
        size,
        threshold_v_mant=layer["threshold"],
        decay_v=layer["voltage_loss"],
        decay_I=layer["current_loss"],
    )
    parts = [part for key in layer["connections"] for part in _synapses(key, given, neurons)]
    current = LoihiStateMonitor(neurons, "I", record=True)
    voltage = LoihiStateMonitor(neurons, "v", record=True)
    spikes = LoihiSpikeMonitor(neurons)
    network = LoihiNetwork(neurons, current, voltage, spikes, *parts)
    begun = time.perf_counter()
    network.run(steps)
    seconds = time.perf_counter() - begun
    fired = np.zeros((steps, size), bool)
    fired[np.array(spikes.t), np.array(spikes.i)] = True
    return {
        f"{name}/spikes": fired,
        f"{name}/current": np.rint(np.array(current.I).T).astype(np.int64),
        f"{name}/voltage": np.rint(np.array(voltage.v).T).astype(np.int64),
        f"{name}/seconds": np.array(seconds),
    }


def _synapses(key: str, given: Arrays, neurons: Any) -> tuple[Any, Any]:
    """A connection's axons, and their synapses."""
    axon, target, weight, exponent = (given[f"{key}/{part}"] for part in ("axon", "target", "weight", "exponent"))
    generator = LoihiSpikeGeneratorGroup(int(given[f"{key}/axons"]), given[f"{key}/fired"], given[f"{key}/times"])
    synapses = LoihiSynapses(generator, neurons, w_exp=int(exponent), sign_mode=synapse_sign_mode.MIXED)
    synapses.connect(i=axon, j=target)
    synapses.w = weight
    return generator, synapses


if __name__ == "__main__":
    main(*sys.argv[1:])
