"""Rounding of all weights into a neuron together, so that its membrane errs least on calibration samples.

Rounding each weight to the nearest integer lets the errors of inputs that fire together add up. Here the membrane's
error is what counts: over time, ``Σ_n (w_n − q_n)·z_n[t]`` with z the input's spikes, filtered as the neuron filters
them. Its square is ``(w − q) H (w − q)`` with ``H = Σ_t z zᵀ``. Weights are rounded one after the other, each to the
nearest integer, and its error is taken up by those that follow, as far as H says they can (Frantar et al. 2022, GPTQ,
arXiv:2210.17323, equations 2 and 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.nodes import Connection, Dense, Lif
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import SampleRun

Array = NDArray[np.float64]
MOST_INPUTS = 2048  # of a neuron; the cost grows with the cube
DAMPING = 1e-3


def second_moments(program: SampleProgram, runs: Sequence[SampleRun]) -> dict[str, Array]:
    """H of every group of neurons whose synapses are all dense, (inputs, inputs), in the order of its connections."""
    moments = {}
    for node in program.neurons:
        connections = _dense_into(program, node.name)
        if isinstance(node, Lif) and connections and sum(each.weight.shape[1] for each in connections) <= MOST_INPUTS:
            traces = np.concatenate([_filtered(node, connections, run) for run in runs])
            moments[node.name] = traces.T @ traces
    return moments


def compensated(program: SampleProgram, scale: int, node: str, moment: Array) -> dict[int, Connection]:
    """The dense connections into a node with weights that are integers times 1/scale, by their place in the program."""
    connections = _dense_into(program, node)
    weight = np.concatenate([np.asarray(each.weight, dtype=np.float64) for each in connections], axis=1) * scale
    rounded = round_together(weight, moment) / scale
    ends = np.cumsum([each.weight.shape[1] for each in connections])
    parts = np.split(rounded, ends[:-1], axis=1)
    places = {id(each): n for n, each in enumerate(program.connections)}
    return {places[id(each)]: replace(each, weight=part) for each, part in zip(connections, parts, strict=True)}


def round_together(weight: Array, moment: Array) -> Array:
    """Integers for ``weight`` (targets, inputs) that err least under ``moment``; the busiest inputs come first."""
    size = len(moment)
    order = np.argsort(-np.diag(moment), kind="stable")
    damped = moment[np.ix_(order, order)] + np.eye(size) * (DAMPING * np.trace(moment) / size + 1e-9)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, rounded = weight[:, order].copy(), np.zeros_like(weight)
    for n in range(size):
        rounded[:, n] = np.rint(left[:, n])
        error = (left[:, n] - rounded[:, n]) / upper[n, n]
        left[:, n:] -= np.outer(error, upper[n, n:])
    back = np.empty_like(rounded)
    back[:, order] = rounded
    return back


def _dense_into(program: SampleProgram, node: str) -> list[Dense]:
    """The node's connections if all are dense but the list by which it resets itself, else none."""
    into = [each for each in program.weighted_connections if each.target == node]
    dense = [each for each in into if isinstance(each, Dense)]
    return dense if all(isinstance(each, Dense) or each.source == node for each in into) else []


def _filtered(node: Lif, connections: Sequence[Dense], run: SampleRun) -> Array:
    """The spikes of all inputs as they lie on the neuron's membrane, (steps, inputs); its resets apart."""
    spikes = [_arriving(run.recording.spikes[each.source], each.delay + 1) for each in connections]
    inputs = np.concatenate(spikes, axis=1).astype(np.float64)
    current, voltage = np.zeros(inputs.shape[1]), np.zeros(inputs.shape[1])
    traces = np.empty_like(inputs)
    for step, arriving in enumerate(inputs):
        current = (1 - node.current_decay) * current + arriving
        voltage = (1 - node.voltage_decay) * voltage + current
        traces[step] = voltage
    return traces


def _arriving(spikes: NDArray[np.bool_], delay: int) -> NDArray[np.bool_]:
    late = np.zeros_like(spikes)
    late[delay:] = spikes[: len(spikes) - delay]
    return late
