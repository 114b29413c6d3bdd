"""A folded policy computed over whole windows, each group weighing its inputs by synapses that are given."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear

from dsf_export.fold import FoldedPolicy
from dsf_export.group_synapses import GroupSynapses
from dsf_export.neuron_groups import Groups


def window_actions(folded: FoldedPolicy, groups: Groups, token: Tensor, threshold: float = 1.0) -> Tensor:
    """The actions before their tanh, (tokens, act).

    Parameters
    ----------
    token
        (tokens, D) current, of neurons with ``threshold``.
    """
    projected: list[Tensor] = []  # spikes whose projections have joined the residual stream
    held = token.expand(folded.time_steps, *token.shape)

    def read(name: str) -> Tensor:
        sources = list(projected)

        def current(synapses: GroupSynapses) -> Tensor:
            pairs = zip(sources, synapses.weights, strict=True)
            total = sum((linear(spikes, weight) for spikes, weight in pairs), held)
            return sum(synapses.biases, total)

        return groups.fire(name, current)

    for index, block in enumerate(folded.blocks):
        mlp = f"block{index}.mlp"
        if block.mixings:
            inputs = torch.cat([read(name) for name in block.inputs], dim=-1)
            for prefix, mixing in block.mixings.items():
                projected.append(mixing.fire(inputs, groups, prefix))
        projected.append(groups.fire_layer(f"{mlp}.hidden", read(f"{mlp}.input")))

    def readout(synapses: GroupSynapses) -> Tensor:
        pairs = zip(projected, synapses.weights, strict=True)
        return torch.stack([linear(spikes, weight) for spikes, weight in pairs]).sum(0)

    host = folded.host_readout()
    weight, bias = (host.weight / threshold).to(token), host.bias.to(token)
    return groups.accumulate(readout) + linear(token, weight, bias)
