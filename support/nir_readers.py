"""Policies without a past in a framework that read them from NIR, and by the equations of their graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import nir
import numpy as np
import torch
from numpy.typing import NDArray

from dsf_models.configuration import ModelKind
from neuro_runtime.program import Program
from support.random_policies import random_policy
from support.small_policies import ACTIONS, OBSERVATIONS, PSSA, quantised

Array = NDArray[np.float64]
Read = Callable[[nir.NIRGraph], Any]  # a framework's importer; its network is called with an input and a state


def policy_without_past(blocks: int) -> Program:
    """The program of a spiking MLP whose layers all fire."""
    config = replace(PSSA, kind=ModelKind.spiking_mlp, blocks=blocks, embedding_size=8)
    return quantised(random_policy(config, OBSERVATIONS, ACTIONS, seed=3, added_current=0.3))


def tokens(program: Program, count: int, largest: int = 6_000) -> list[Array]:
    """Integer currents of made-up tokens."""
    random = np.random.default_rng(0)
    size = program.current_input.size
    return [random.integers(-largest, largest, size).astype(np.float64) for _ in range(count)]


def by_equations(graph: nir.NIRGraph, current: Array, dt: float, time_steps: int) -> Array:
    """The output in every time step, (T, actions), in float64: ``v ← (1 − dt/τ)·v + (r dt/τ)·a``, reset to 0.

    Nodes are computed in alphabetical order, which is that of the graph's edges.
    """
    voltage = {name: np.zeros_like(node.tau) for name, node in graph.nodes.items() if isinstance(node, nir.LIF)}
    outputs = []
    for _ in range(time_steps):
        values: dict[str, Array] = {"input": current}
        for name in sorted(set(graph.nodes) - {"input"}, key=lambda name: (name == "output", name)):
            values[name] = _value(graph, name, values, voltage, dt)
        outputs.append(values["output"])
    return np.array(outputs)


def _value(graph: nir.NIRGraph, name: str, values: dict[str, Array], voltage: dict[str, Array], dt: float) -> Array:
    node, arriving = graph.nodes[name], np.sum([values[a] for a, b in graph.edges if b == name], axis=0)
    if isinstance(node, nir.Affine):
        return np.asarray(node.weight.astype(np.float64) @ arriving + node.bias)
    if isinstance(node, nir.LIF):
        share = np.round(dt / node.tau, 12)
        reached = (1 - share) * voltage[name] + share * node.r * arriving
        fired = reached > node.v_threshold
        voltage[name] = np.where(fired, 0.0, reached)
        return np.asarray(fired, np.float64)
    return np.asarray(arriving)


def by_framework(read: Read, graph: nir.NIRGraph, current: Array, time_steps: int) -> Array:
    """The same by the network that a framework reads, made anew since some keep what they have seen."""
    network, state = read(graph), None
    given = torch.tensor(current[None], dtype=torch.float32)
    outputs = []
    for _ in range(time_steps):
        answer, state = network(given, state)
        outputs.append(answer.detach().numpy()[0])
    return np.array(outputs, np.float64)
