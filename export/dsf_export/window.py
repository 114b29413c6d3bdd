"""A folded policy run as it was trained, over the whole window at each decision: between the model and the program."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from dsf_export.arrays import Array
from dsf_export.fold import FoldedPolicy
from dsf_export.neuron_groups import Groups
from dsf_export.window_pass import window_actions
from dsf_models.padding import TokenLayout


@dataclass(frozen=True, eq=False)
class WindowDecision:
    """The last token's answer and what its neurons did.

    Attributes
    ----------
    action
        (act,).
    spikes, membranes
        Whether each neuron fired, and its membrane before the reset in thresholds, (T, width), by layer; gates have
        none.
    """

    action: Array
    spikes: dict[str, NDArray[np.bool_]]
    membranes: dict[str, Array]


class FoldedWindow:
    """Decides by ``folded``'s whole windows."""

    def __init__(self, folded: FoldedPolicy) -> None:
        self._folded = folded
        self._synapses = folded.synapses()

    def decide(self, inputs: Array) -> WindowDecision:
        """The decision of the last of up to K tokens, (tokens, obs + act + 1), normalised, all of them computed."""
        folded = self._folded
        token = token_current(folded, torch.from_numpy(inputs[-folded.context :]))
        layout = TokenLayout(torch.ones(1, len(token), dtype=torch.bool))
        recorder = _Recorder(folded.beta)
        groups = Groups(self._synapses, recorder.fire, layout, token, on_gate=recorder.note)
        action = torch.tanh(window_actions(folded, groups, token)[-1])
        return WindowDecision(action.numpy(), recorder.spikes, recorder.membranes)


def token_current(folded: FoldedPolicy, inputs: Tensor) -> Tensor:
    """``LayerNorm(embedding(token))`` in thresholds, (tokens, D), of normalised inputs (tokens, obs + act + 1)."""
    embedded = linear(inputs, folded.embedding.weight, folded.embedding.bias)
    return layer_norm(embedded, (folded.size,), folded.norm_weight, folded.norm_bias, folded.norm_epsilon)


@dataclass
class _Recorder:
    """LIF layers that note what the window's last token did."""

    beta: float
    spikes: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    membranes: dict[str, Array] = field(default_factory=dict)

    def fire(self, name: str, current: Tensor) -> Tensor:
        """Eq. 1 with threshold 1, the state zero before the first time step."""
        membrane = torch.empty_like(current)
        kept = torch.zeros_like(current[0])
        for t, arriving in enumerate(current):
            membrane[t] = kept + arriving
            kept = self.beta * membrane[t] * (membrane[t] <= 1)
        fired = membrane > 1
        self.note(name, fired)
        self.membranes[name] = membrane[:, -1].numpy()
        return fired.double()

    def note(self, name: str, spikes: Tensor) -> None:
        """Spikes (T, tokens, width) of a layer, which need no membrane."""
        self.spikes[name] = spikes[:, -1].numpy() > 0
