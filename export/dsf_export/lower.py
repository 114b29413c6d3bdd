"""Lower a folded policy to a program in stream layout: neurons, weights, delays and AND gates, one token a decision.

Each block adds its first layers, its token mixing and its MLP; when a layer works and how long a decision takes follows
from the connections (`dsf_export.program_graph`). With a population code (`model.levels`) the first block's layers wait
a hop, as their offsets come from the bias line.

**Residual stream.** It is a current, so it is no layer: the token's current and every earlier projection's synapses
reach each of its readers (the inputs of blocks and MLPs) directly, and so do the biases, from the bias line.

**Readout.** Projection, last norm, mean over T and head are one linear map of each layer's spikes, summed over the
decision in the accumulator. The token's own part and the constants stay with the host.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from dsf_export.fold import FoldedPolicy
from dsf_export.program_graph import ACTION, ProgramGraph
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program.program import HostEncoder, HostReadout, Program


def lower(folded: FoldedPolicy, policy: PolicyModel, provenance: Mapping[str, str]) -> Program:
    """The float program of ``folded``; ``policy`` brings the normalisation and what the policy is for.

    Raises
    ------
    UserError
        Loihi's 12 bits do not hold the neurons' decay.
    """
    graph = lower_to_graph(folded)
    return Program(
        arithmetic="float",
        active_steps=folded.time_steps,
        period=graph.period,
        nodes=graph.nodes,
        connections=graph.connections(),
        encoder=_encoder(folded, policy),
        readout=_readout(folded),
        environment=policy.environment,
        return_target=policy.return_target,
        provenance=dict(provenance),
        action_bounds=policy.action_bounds,
    )


def lower_to_graph(folded: FoldedPolicy) -> ProgramGraph:
    """The program's nodes and connections."""
    graph = ProgramGraph(folded.size, folded.beta, folded.time_steps)
    stream = _ResidualStream(graph, folded)
    for index, block in enumerate(folded.blocks):
        mlp = f"block{index}.mlp"
        inputs = [stream.read(layer) for layer in block.inputs]
        for prefix, mixing in block.mixings.items():
            stream.add_projection_of(mixing.lower(graph, inputs, prefix))
        stream.add_projection_of(graph.add_layer(f"{mlp}.hidden", [stream.read(f"{mlp}.input")], block.mlp_hidden))
    stream.accumulate()
    return graph


class _ResidualStream:
    """The layers whose spikes have been projected onto the stream, for whoever reads it next."""

    def __init__(self, graph: ProgramGraph, folded: FoldedPolicy) -> None:
        self._graph = graph
        self._size = folded.size
        self._synapses = folded.synapses()
        self._projected: list[str] = []

    def add_projection_of(self, source: str) -> None:
        """The projection of ``source``'s spikes joins the stream."""
        self._projected.append(source)

    def read(self, name: str) -> str:
        """Add spiking neurons that read the stream."""
        self._graph.add_lif(name, self._size)
        self._graph.inject(name)
        self._connect(name)
        return name

    def accumulate(self) -> None:
        """Add the accumulator, which reads the projections' part of the action."""
        (actions, *_) = self._synapses[ACTION].weights
        self._connect(self._graph.add_accumulator(len(actions)))

    def _connect(self, target: str) -> None:
        synapses = self._synapses[target]
        for source, weight in zip(self._projected, synapses.weights, strict=True):
            self._graph.connect(source, target, weight)
        for bias in synapses.biases:
            self._graph.connect_bias(target, bias)


def _encoder(folded: FoldedPolicy, policy: PolicyModel) -> HostEncoder:
    return HostEncoder(
        weight=folded.embedding.weight.numpy(),
        bias=folded.embedding.bias.numpy(),
        norm_weight=folded.norm_weight.numpy(),
        norm_bias=folded.norm_bias.numpy(),
        norm_epsilon=folded.norm_epsilon,
        state_mean=policy.normalisation.state_mean.astype(np.float64),
        state_std=policy.normalisation.state_std.astype(np.float64),
        return_scale=policy.normalisation.return_scale,
        input_scale=1.0,
        input_clip=policy.normalisation.input_clip,
    )


def _readout(folded: FoldedPolicy) -> HostReadout:
    host = folded.host_readout()
    return HostReadout(
        inverse_scale=torch.ones_like(host.bias).numpy(), weight=host.weight.numpy(), bias=host.bias.numpy()
    )
