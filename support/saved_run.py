"""A run folder as dsf-run leaves it, of a network of three layers, without running anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hw_profiles.network import ChipNetwork
from hw_profiles.network_file import save_network
from hw_profiles.raster_file import SpikeRaster, save_raster
from support.small_networks import perceptron

SIZES = {"layer0": 8, "layer1": 6, "layer2": 3}
PERIOD, ACTIVE = 20, 4


def small_network() -> ChipNetwork:
    """Fully connected layers of 8, 6 and 3 neurons."""
    return perceptron(*SIZES.values())


def record_document(**changes: Any) -> dict[str, Any]:
    """The content of run.json; ``changes`` replace its top level."""
    score = {"mean": 50.0, "standard_error": 1.0, "low": 37.3, "high": 62.7}
    populations = {
        name: {"spikes": 2.0 * size, "active_updates": size * ACTIVE, "idle_updates": size * (PERIOD - ACTIVE)}
        for name, size in SIZES.items()
    }
    synops = {"layer1": 2.0 * 8 * 6, "layer2": 2.0 * 6 * 3}
    document: dict[str, Any] = {
        "format": 2,
        "environment": "pendulum",
        "backend": "loihi-fast",
        "return_target": -100.0,
        "observation_size": 3,
        "action_size": 1,
        "context": 4,
        "layout": "stream",
        "episodes": [{"seed": seed, "steps": 10} for seed in (0, 1)],
        "return": score,
        "score": score,
        "decisions": 20,
        "activity": {
            "synops": sum(synops.values()),
            "active_updates": sum(counts["active_updates"] for counts in populations.values()),
            "idle_updates": sum(counts["idle_updates"] for counts in populations.values()),
            "spikes": sum(counts["spikes"] for counts in populations.values()),
            "time_steps": PERIOD,
            "host_macs": 10.0,
            "by_population": populations,
            "synops_by_target": synops,
        },
        "layers": [
            {"name": name, "firing_rate": 0.5, "spikes": 2.0 * size, "synops": synops.get(name, 0.0)}
            for name, size in SIZES.items()
        ],
        "network": "network.h5",
        "raster": "raster.h5",
        "stages": {
            "stages": [
                {"name": "float", "what": "the trained model", "score": {"mean": 51.0, "low": 40.0, "high": 62.0}},
                {"name": "fixed point", "what": "the program", "score": score},
            ],
            "difference": {"mean": -1.0, "low": -3.0, "high": 1.0},
            "note": None,
        },
        "command": "dsf-run --backend loihi-fast env=pendulum episodes=2 --report",
        "provenance": {"policy": "pendulum", "python": "3.11.7"},
    }
    return {**document, **changes}


def write_saved_run(folder: Path, **changes: Any) -> Path:
    """A folder with record, network and raster; ``changes`` replace the record's top level."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(record_document(**changes)), encoding="utf-8")
    save_network(small_network(), folder / "network.h5")
    save_raster(small_raster(), folder / "raster.h5")
    return folder


def small_raster() -> SpikeRaster:
    """Every third neuron fires at one time step."""
    spikes = {name: np.zeros((PERIOD, size), dtype=bool) for name, size in SIZES.items()}
    for depth, layer in enumerate(spikes.values()):
        layer[depth, ::3] = True
    return SpikeRaster(seed=0, decision=7, spikes=spikes)
