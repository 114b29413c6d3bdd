"""netx files as lava-dl lays them out, small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Layer = dict[str, Any]


def write_netx(path: Path, layers: Sequence[Layer]) -> Path:
    """A file with these layers; nested mappings are groups."""
    with h5py.File(path, "w") as file:
        for n, layer in enumerate(layers):
            _write(file.create_group(f"layer/{n}"), layer)
    return path


def neuron(threshold: int = 10, current_decay: int = 4096, voltage_decay: int = 400, **changes: Any) -> Layer:
    """CUBA neurons."""
    numbers = {"iDecay": current_decay, "vDecay": voltage_decay, "vThMant": threshold, "refDelay": 1}
    return {"type": "CUBA", "gradedSpike": False, **numbers, **changes}


def dense(targets: int, sources: int, seed: int, **changes: Any) -> Layer:
    """All-to-all synapses of even weights."""
    weight = 2.0 * np.random.default_rng(seed).integers(-20, 30, (targets, sources))
    return {
        "type": "dense",
        "inFeatures": sources,
        "outFeatures": targets,
        "weight": weight,
        "neuron": neuron(),
    } | changes


def _write(group: Any, content: Layer) -> None:
    for key, value in content.items():
        if isinstance(value, dict):
            _write(group.create_group(key), value)
        elif key == "type":
            group[key] = np.array([value], dtype="S10") if "neuron" in content or value == "flatten" else value
        else:
            group[key] = value
