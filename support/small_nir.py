"""NIR graphs as small files, right and wrong, written past NIR's own checks where those would refuse them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Parameters = Mapping[str, Any]


def write_graph(path: Path, nodes: Mapping[str, tuple[str, Parameters]], edges: Sequence[tuple[str, str]]) -> Path:
    """A file with the given nodes, name -> (kind, parameters), as NIR lays it out."""
    with h5py.File(path, "w") as file:
        file["version"] = "1.0.8"
        _write(file.create_group("node"), nodes, edges)
    return path


def _write(group: Any, nodes: Mapping[str, tuple[str, Parameters]], edges: Sequence[tuple[str, str]]) -> None:
    group["type"] = "NIRGraph"
    group["edges"] = np.array([[a.encode(), b.encode()] for a, b in edges], dtype=h5py.string_dtype())
    members = group.create_group("nodes")
    for name, (kind, parameters) in nodes.items():
        member = members.create_group(name)
        if kind == "NIRGraph":
            _write(member, parameters["nodes"], parameters["edges"])
            continue
        member["type"] = kind
        for key, value in parameters.items():
            member[key] = value


def lif(size: int, dt: float = 1e-4, beta: float = 0.9, **changes: Any) -> tuple[str, Parameters]:
    """A LIF whose r is τ/dt."""
    tau = np.full(size, dt / (1 - beta))
    parameters = {"tau": tau, "r": tau / dt, "v_leak": np.zeros(size), "v_threshold": np.ones(size)}
    return "LIF", {**parameters, **changes}


def cuba(size: int, dt: float = 1e-4, alpha: float = 0.6, beta: float = 0.85, **changes: Any) -> tuple[str, Parameters]:
    """A CubaLIF whose r is τ_mem/dt and whose w_in is τ_syn/dt."""
    tau_syn, tau_mem = np.full(size, dt / (1 - alpha)), np.full(size, dt / (1 - beta))
    parameters = {
        "tau_syn": tau_syn,
        "tau_mem": tau_mem,
        "r": tau_mem / dt,
        "w_in": tau_syn / dt,
        "v_leak": np.zeros(size),
        "v_threshold": np.ones(size),
    }
    return "CubaLIF", {**parameters, **changes}


def affine(targets: int, sources: int, seed: int, scale: float = 0.8) -> tuple[str, Parameters]:
    """Random weights and biases in float32."""
    random = np.random.default_rng(seed)
    weight = (random.normal(size=(targets, sources)) * scale).astype(np.float32)
    return "Affine", {"weight": weight, "bias": (0.1 * random.normal(size=targets)).astype(np.float32)}


def ends(inputs: Sequence[int], outputs: Sequence[int]) -> dict[str, tuple[str, Parameters]]:
    """The input and the output."""
    return {
        "input": ("Input", {"shape": np.array(inputs)}),
        "output": ("Output", {"shape": np.array(outputs)}),
    }


def recurrent_graph(path: Path, size: int = 12, inputs: int = 8, outputs: int = 3, **changes: Any) -> Path:
    """A layer with synaptic currents that feeds itself, and one that reads it."""
    nodes = ends([inputs], [outputs]) | {
        "fc1": affine(size, inputs, 1),
        "hidden": cuba(size, **changes),
        "feedback": affine(size, size, 2, 0.4),
        "fc2": affine(outputs, size, 3),
        "out": cuba(outputs),
    }
    edges = [("input", "fc1"), ("fc1", "hidden"), ("hidden", "feedback"), ("feedback", "hidden")]
    return write_graph(path, nodes, [*edges, ("hidden", "fc2"), ("fc2", "out"), ("out", "output")])
