"""Groups of neurons over whole windows, each weighing its inputs by synapses that are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import linear

from dsf_export.group_synapses import GroupSynapses
from dsf_export.program_graph import ACTION
from dsf_models.padding import TokenLayout

GroupCurrent = Callable[[GroupSynapses], Tensor]  # from a group's synapses to its current, (T, tokens, width)
Neuron = Callable[[str, Tensor], Tensor]  # from a layer's name and current to its spikes, (T, tokens, width)
OnGroup = Callable[[str, GroupCurrent], object]
OnGate = Callable[[str, Tensor], object]


class Groups:
    """Groups of neurons, fired one after another.

    Parameters
    ----------
    synapses
        The synapses of each group, with its currents in thresholds.
    neuron
        Makes spikes of a layer's current.
    layout
        The windows that the tokens belong to.
    like
        A tensor in the precision and on the device of the currents.
    threshold
        V_th of ``neuron``.
    on_group
        Is told how each group's current follows from its synapses.
    on_gate
        Is told the spikes of gates that are an output layer, by name.
    """

    def __init__(
        self,
        synapses: Mapping[str, GroupSynapses],
        neuron: Neuron,
        layout: TokenLayout,
        like: Tensor,
        threshold: float = 1.0,
        on_group: OnGroup = lambda name, current: None,
        on_gate: OnGate = lambda name, spikes: None,
    ) -> None:
        self.layout = layout
        self._synapses = synapses
        self._neuron = neuron
        self._like = like
        self._threshold = threshold
        self._on_group = on_group
        self._on_gate = on_gate

    def fire(self, name: str, current: GroupCurrent) -> Tensor:
        """The spikes of a group whose current ``current`` makes of its synapses."""
        self._on_group(name, current)
        return self._neuron(name, current(self._synapses[name].like(self._like, self._threshold)))

    def fire_layer(self, name: str, inputs: Tensor) -> Tensor:
        """The spikes of a group that reads ``inputs``, of several layers side by side, and has a bias."""
        return self.fire(name, lambda own: linear(inputs, torch.cat(own.weights, dim=1), own.biases[0]))

    def gate(self, name: str, spikes: Tensor) -> Tensor:
        """``spikes`` as those of an output layer of gates, which weigh nothing."""
        self._on_gate(name, spikes)
        return spikes

    def accumulate(self, current: GroupCurrent) -> Tensor:
        """The sum over a decision of the accumulator's current, (tokens, act)."""
        self._on_group(ACTION, current)
        return current(self._synapses[ACTION].like(self._like, 1.0)).sum(0)
