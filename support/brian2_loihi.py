"""Layers of a program on brian2-loihi, each given the spikes that reached it: a tool in an environment of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.decay import current_loss, voltage_loss
from neuro_runtime.program.nodes import Dense, Neurons, Sparse, Weighted
from neuro_runtime.program.program import SpikingProgram
from support.tool_environment import ROOT, answer_of, tool_python

ENVIRONMENT = ROOT / ".venv-brian2-loihi"
PINNED = ("brian2-loihi==0.5.2", "brian2==2.9.0", "numpy==1.26.4", "setuptools==65.5.0")
WORKER = ROOT / "benchmarks" / "brian2_loihi_worker.py"

Integers = NDArray[np.integer[Any]]
Spikes = Mapping[str, NDArray[Any]]  # of each node, (time steps, neurons)


def brian2_loihi_python(folder: Path = ENVIRONMENT) -> Path:
    """The Python of brian2-loihi's environment, which is made where it is not there.

    Raises
    ------
    UserError
        It could not be made.
    """
    return tool_python(folder, PINNED)


def run_layers(python: Path, program: SpikingProgram, layers: Sequence[Neurons], spikes: Spikes) -> dict[str, Any]:
    """Spikes, currents, voltages and seconds of each layer, ``LAYER/spikes`` and so on.

    Raises
    ------
    UserError
        brian2-loihi failed.
    """
    arrays: dict[str, Any] = {}
    described = []
    for node in layers:
        connections = [item for item in program.connections_into(node.name) if isinstance(item, Dense | Sparse)]
        keys = [f"{node.name}/{number}" for number in range(len(connections))]
        for key, item in zip(keys, connections, strict=True):
            arrays.update({f"{key}/{part}": value for part, value in _axons(item, spikes[item.source]).items()})
        lif = node.as_lif("loihi")
        described.append(
            {
                "name": node.name,
                "size": node.size,
                "steps": len(spikes[node.name]),
                "threshold": int(lif.threshold),
                "voltage_loss": voltage_loss(lif),
                "current_loss": current_loss(lif),
                "connections": keys,
            }
        )
    return answer_of("brian2-loihi", python, WORKER, {"layers": np.array(json.dumps(described)), **arrays})


def _axons(connection: Weighted, spikes: NDArray[Any]) -> dict[str, Any]:
    """A connection's synapses, each with its axon, and the time steps in which each axon's spikes arrive."""
    source: Integers
    delay: Integers
    axon: Integers
    target: Integers
    if isinstance(connection, Dense):
        target, axon = map(np.ravel, np.indices(connection.weight.shape))
        source, delay = np.arange(spikes.shape[1]), np.full(spikes.shape[1], connection.delay)
    else:
        pairs = np.stack([connection.source_index, connection.delay], axis=1)
        unique, axon = np.unique(pairs, axis=0, return_inverse=True)
        source, delay, target, axon = unique[:, 0], unique[:, 1], connection.target_index, axon.ravel()
    step, fired = np.nonzero(spikes[:, source])
    times = step + 1 + delay[fired]
    arriving = times < len(spikes)
    return {
        "axon": axon.astype(np.int64),
        "target": np.asarray(target, dtype=np.int64),
        "weight": connection.weight.ravel().astype(np.int64),
        "exponent": np.array(connection.exponent),
        "axons": np.array(len(source)),
        "fired": fired[arriving],
        "times": times[arriving],
    }
