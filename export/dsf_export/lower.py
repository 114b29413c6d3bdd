"""Lower a folded policy to a program in stream layout: neurons, weights, delays and AND gates, one token a decision.

Each block adds its first layers, which read the residual stream (`dsf_export.residual_stream`), its token mixing and
its MLP; when a layer works and how long a decision takes follows from the connections (`dsf_export.program_graph`).
With a population code (`model.levels`) the first block's layers wait a hop, as their offsets come from the bias line.

**Readout.** Projection, last norm, mean over T and head are one linear map of each layer's spikes, summed over the
decision in the accumulator. The token's own part and the constants stay with the host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dsf_export.fold import FoldedBlock, FoldedDelay, FoldedPolicy, FoldedPssa
from dsf_export.program_graph import BIAS, ProgramGraph
from dsf_export.residual_stream import ResidualStream
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program.program import HostEncoder, Program

__all__ = ["BIAS", "lower"]


def lower(folded: FoldedPolicy, policy: PolicyModel, provenance: Mapping[str, str]) -> Program:
    """The float program of ``folded``; ``policy`` brings the normalisation and what the policy is for.

    Raises
    ------
    UserError
        Loihi's 12 bits do not hold the neurons' decay.
    """
    graph = ProgramGraph(folded.size, folded.beta, folded.time_steps)
    stream = ResidualStream(graph, folded)
    for index, block in enumerate(folded.blocks):
        mlp = f"block{index}.mlp"
        if isinstance(block, FoldedBlock):
            inputs = [stream.read(layer, offset) for layer, offset in block.inputs.items()]
            for prefix, mixing in block.mixings.items():
                if isinstance(mixing, FoldedPssa):
                    output = _lower_pssa(graph, mixing, inputs, prefix)
                else:
                    output = _lower_delay(graph, mixing, inputs, prefix)
                stream.add(output, mixing.project)
        inputs = [stream.read(f"{mlp}.input")]
        hidden = graph.add_layer(f"{mlp}.hidden", inputs, block.mlp_hidden.weight, block.mlp_hidden.bias)
        stream.add(hidden, block.mlp_project)
    stream.accumulate()
    return Program(
        arithmetic="float",
        active_steps=folded.time_steps,
        period=graph.period,
        nodes=graph.nodes,
        connections=graph.connections(),
        encoder=_encoder(folded, policy),
        readout=stream.host_readout(),
        environment=policy.environment,
        return_target=policy.return_target,
        provenance=dict(provenance),
    )


def _lower_pssa(graph: ProgramGraph, mixing: FoldedPssa, inputs: Sequence[str], name: str) -> str:
    """Gate j·D + c is query c ∧ key c ∧ value c of j tokens ago; each channel's gates meet in one output neuron."""
    tokens, size = mixing.position.shape
    query, key, value = (
        graph.add_layer(f"{name}.{factor}", inputs, affine.weight, affine.bias)
        for factor, affine in (("query", mixing.query), ("key", mixing.key), ("value", mixing.value))
    )
    past = graph.add_and(f"{name}.past", size)
    gate = graph.add_and(f"{name}.gate", tokens * size)
    output = graph.add_lif(f"{name}.output", size)
    channels, gates = np.arange(size, dtype=np.int32), np.arange(tokens * size, dtype=np.int32)
    channel_of_gate, ago = gates % size, gates // size
    for factor in (key, value):
        graph.connect_listed(factor, past, channels, channels)
    graph.connect_listed(query, gate, channel_of_gate, gates)
    graph.connect_listed(past, gate, channel_of_gate, gates, ago=ago)
    graph.connect_listed(gate, output, gates, channel_of_gate, mixing.position.reshape(-1))
    return output


def _lower_delay(graph: ProgramGraph, mixing: FoldedDelay, inputs: Sequence[str], name: str) -> str:
    """One weight matrix a delay; a past token brings its bias by the bias line's spikes of that time."""
    output = graph.add_lif(f"{name}.output", len(mixing.bias))
    for ago, weight in enumerate(mixing.weight):
        graph.connect_all(inputs, output, weight, ago)
        graph.connect_bias(output, mixing.past_bias[ago] + (mixing.bias if ago == 0 else 0.0), ago)
    return output


def _encoder(folded: FoldedPolicy, policy: PolicyModel) -> HostEncoder:
    return HostEncoder(
        weight=folded.embedding.weight,
        bias=folded.embedding.bias,
        norm_weight=folded.norm_weight,
        norm_bias=folded.norm_bias,
        norm_epsilon=folded.norm_epsilon,
        state_mean=policy.normalisation.state_mean.astype(np.float64),
        state_std=policy.normalisation.state_std.astype(np.float64),
        return_scale=policy.normalisation.return_scale,
        input_scale=1.0,
    )
