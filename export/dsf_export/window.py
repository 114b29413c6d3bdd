"""A folded policy run as it was trained, over the whole window at each decision: between the model and the program."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsf_export.fold import Affine, Array, FoldedBlock, FoldedDelay, FoldedMlpBlock, FoldedPolicy, FoldedPssa

Spikes = NDArray[np.float64]  # 0.0 or 1.0, (T, tokens, width)


@dataclass(frozen=True, eq=False)
class WindowDecision:
    """The last token's answer and what its neurons did.

    Attributes
    ----------
    action
        (act,).
    spikes, membranes
        By layer, (T, width): whether each neuron fired, and its membrane before the reset, in thresholds.
    """

    action: Array
    spikes: dict[str, NDArray[np.bool_]]
    membranes: dict[str, Array]


@dataclass
class _Recorder:
    """LIF layers that note what the window's last token did."""

    beta: float
    spikes: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    membranes: dict[str, Array] = field(default_factory=dict)

    def fire(self, name: str, current: Array) -> Spikes:
        """Eq. 1 with threshold 1, the state zero before the first time step."""
        membrane = np.empty_like(current)
        kept = np.zeros_like(current[0])
        for t, arriving in enumerate(current):
            membrane[t] = kept + arriving
            kept = self.beta * membrane[t] * (membrane[t] <= 1)
        spikes = membrane > 1
        self.spikes[name] = spikes[:, -1]
        self.membranes[name] = membrane[:, -1]
        return spikes.astype(np.float64)


def token_current(policy: FoldedPolicy, inputs: Array) -> Array:
    """``LayerNorm(embedding(token))`` in thresholds, (tokens, D), of normalised inputs (tokens, obs + act + 1)."""
    embedded = _apply(policy.embedding, inputs)
    centred = embedded - embedded.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + policy.norm_epsilon)
    current: Array = centred / deviation * policy.norm_weight + policy.norm_bias
    return current


def decide_window(policy: FoldedPolicy, inputs: Array) -> WindowDecision:
    """The decision of the last of up to K tokens, (tokens, obs + act + 1), normalised, all of them computed anew."""
    current = token_current(policy, inputs[-policy.context :])
    recorder = _Recorder(policy.beta)
    residual = np.broadcast_to(current, (policy.time_steps, *current.shape))
    for index, block in enumerate(policy.blocks):
        residual = _run_block(block, f"block{index}", residual, recorder)
    action = np.tanh(_apply(policy.readout, residual[:, -1].mean(axis=0)))
    return WindowDecision(action, recorder.spikes, recorder.membranes)


def _run_block(block: FoldedBlock | FoldedMlpBlock, name: str, residual: Array, recorder: _Recorder) -> Array:
    if isinstance(block, FoldedBlock):
        currents = {layer: residual if offset is None else residual + offset for layer, offset in block.inputs.items()}
        layers = [recorder.fire(layer, current) for layer, current in currents.items()]
        spikes = np.concatenate(layers, axis=-1)
        for prefix, mixing in block.mixings.items():
            residual = residual + _mixed(mixing, prefix, spikes, recorder)
    inputs = recorder.fire(f"{name}.mlp.input", residual)
    hidden = recorder.fire(f"{name}.mlp.hidden", _apply(block.mlp_hidden, inputs))
    return residual + _apply(block.mlp_project, hidden)


def _mixed(mixing: FoldedPssa | FoldedDelay, name: str, inputs: Spikes, recorder: _Recorder) -> Array:
    """What the token mixing adds to the residual stream."""
    if isinstance(mixing, FoldedPssa):
        mixed = _pssa_current(mixing, name, inputs, recorder)
    else:
        mixed = _delay_current(mixing, inputs)
    return _apply(mixing.project, recorder.fire(f"{name}.output", mixed))


def _pssa_current(mixing: FoldedPssa, name: str, inputs: Spikes, recorder: _Recorder) -> Array:
    query = recorder.fire(f"{name}.query", _apply(mixing.query, inputs))
    key = recorder.fire(f"{name}.key", _apply(mixing.key, inputs))
    value = recorder.fire(f"{name}.value", _apply(mixing.value, inputs))
    past = key * value
    tokens = inputs.shape[1]
    seen = np.zeros_like(past)
    for distance, weight in enumerate(mixing.position[:tokens]):
        seen[:, distance:] += weight * past[:, : tokens - distance]
    return query * seen


def _delay_current(mixing: FoldedDelay, inputs: Spikes) -> Array:
    tokens = inputs.shape[1]
    current = np.zeros((*inputs.shape[:2], len(mixing.bias))) + mixing.bias
    for distance in range(min(len(mixing.weight), tokens)):
        arriving = inputs[:, : tokens - distance] @ mixing.weight[distance].T
        current[:, distance:] += arriving + mixing.past_bias[distance]
    return current


def _apply(affine: Affine, values: Array) -> Array:
    result: Array = values @ affine.weight.T + affine.bias
    return result
