"""Lower a folded policy to a program in stream layout: neurons, weights, delays and AND gates, one token a decision.

**Depth.** A spike takes one time step a hop, so a layer ``depth`` hops from the token works on time step t of the token
at time step ``depth + t`` of the decision. Every path into a layer is delayed to the layer's depth, or time steps
would mix:

- PSSA block at depth d: input d; query, key, value d + 1; past = key ∧ value d + 2; gate = query ∧ past of j decisions
  ago d + 3; output d + 4; MLP input d + 5; hidden d + 6; the next block d + 7.
- ``delay`` block at depth d: input d; output d + 1; MLP input d + 2; hidden d + 3; the next block d + 4.
- Both in one block, as `pssa-delay-matrix` has them: PSSA's depths, the delay's output waits for PSSA's.
- Block without token mixing at depth d: MLP input d; hidden d + 1; the next block d + 2.
- With a population code (`model.levels`) the first block begins at depth 1, as its offsets come from the bias line.

**Residual stream.** It is a current, so it is no layer: the token's current and every earlier projection's synapses
reach each of its readers (the block and MLP inputs) directly, and so do the biases, from the bias line.

**Readout.** Projection, last norm, mean over T and head are one linear map of each layer's spikes, summed over the
decision in the accumulator; a sum does not care when, so these paths need no delay. The token's own part and the
constants stay with the host.

**Period.** ``P = max(depth of the accumulator + T, T + idle)``: the whole answer is in, and after its T active steps
each neuron has had ``idle`` steps, those in which a membrane at full scale decays to exactly 0 in Loihi's arithmetic.
A token's spikes of j decisions ago are therefore the same line delayed by j·P.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dsf_export.fold import Affine, Array, FoldedBlock, FoldedDelay, FoldedMlpBlock, FoldedPolicy, FoldedPssa
from dsf_export.quantise.parameter_rounding import decay_mantissa
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program.decay import steps_to_zero
from neuro_runtime.program.limits import AND_DECAY
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    Connection,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Node,
    Sparse,
)
from neuro_runtime.program.program import HostEncoder, HostReadout, Program

Indices = NDArray[np.int32]

TOKEN, BIAS, ACTION = "token", "bias", "action"
PSSA_HOPS, DELAY_HOPS, MLP_HOPS = 7, 4, 2  # of a block


def lower(folded: FoldedPolicy, policy: PolicyModel, provenance: Mapping[str, str]) -> Program:
    """The float program of ``folded``; ``policy`` brings the normalisation and what the policy is for."""
    graph = _Graph(folded)
    projections = _Projections(graph, folded)
    for index, block in enumerate(folded.blocks):
        name = f"block{index}"
        if isinstance(block, FoldedBlock):
            inputs = [projections.read(layer, offset) for layer, offset in block.inputs.items()]
            for prefix, mixing in block.mixings.items():
                if isinstance(mixing, FoldedPssa):
                    output = _lower_pssa(graph, mixing, inputs, prefix)
                else:
                    output = _lower_delay(graph, mixing, inputs, prefix)
                projections.add(output, mixing.project)
        hidden = graph.lif_layer(f"{name}.mlp.hidden", [projections.read(f"{name}.mlp.input")], block.mlp_hidden)
        projections.add(hidden, block.mlp_project)
    projections.accumulate()
    return Program(
        arithmetic="float",
        active_steps=folded.time_steps,
        period=graph.period,
        nodes=tuple(graph.nodes),
        connections=tuple(graph.connections),
        encoder=_encoder(folded, policy),
        readout=projections.readout(),
        environment=policy.environment,
        return_target=policy.return_target,
        provenance=dict(provenance),
    )


class _Graph:
    """A program under construction, which knows each node's depth and so every delay."""

    def __init__(self, folded: FoldedPolicy) -> None:
        self.nodes: list[Node] = []
        self.connections: list[Connection] = []
        self.beta = folded.beta
        self.period = _period(folded)
        self._depth: dict[str, int] = {}
        self.add(CurrentInput(TOKEN, folded.size), depth=0)
        self.add(BiasLine(BIAS), depth=0)

    def add(self, node: Node, depth: int) -> str:
        self.nodes.append(node)
        self._depth[node.name] = depth
        return node.name

    def add_lif(self, name: str, size: int, depth: int) -> str:
        return self.add(Lif(name, size, current_decay=1.0, voltage_decay=1.0 - self.beta, threshold=1.0), depth)

    def add_and(self, name: str, size: int, depth: int) -> str:
        return self.add(And(name, size, fan_in=2, threshold=1.5), depth)

    def depth(self, name: str) -> int:
        return self._depth[name]

    def lif_layer(self, name: str, sources: Sequence[str], affine: Affine) -> str:
        """``SN(weight @ sources + bias)``, one hop after ``sources``, which stand side by side."""
        self.add_lif(name, len(affine.bias), self.depth(sources[0]) + 1)
        self.connect_all(sources, name, affine.weight)
        self.connect_bias(name, affine.bias)
        return name

    def inject(self, target: str) -> None:
        self.connections.append(Injection(TOKEN, target, delay=self.depth(target)))

    def connect(self, source: str, target: str, weight: Array, ago: int = 0) -> None:
        """All-to-all synapses from ``source``'s spikes of ``ago`` decisions ago."""
        self.connections.append(Dense(source, target, weight, delay=self._delay(source, target, ago)))

    def connect_all(self, sources: Sequence[str], target: str, weight: Array, ago: int = 0) -> None:
        """The same from ``sources`` that stand side by side."""
        for source, part in zip(sources, np.split(weight, len(sources), axis=1), strict=True):
            self.connect(source, target, part, ago)

    def connect_bias(self, target: str, bias: Array, ago: int = 0) -> None:
        """A bias that counts if there was a token ``ago`` decisions ago."""
        self.connect(BIAS, target, bias[:, None], ago)

    def connect_listed(
        self, source: str, target: str, source_index: Indices, target_index: Indices, weight: Array, ago: Indices
    ) -> None:
        """Listed synapses, each from its source's spikes of its own number of decisions ago."""
        delay = (self._delay(source, target, 0) + self.period * ago).astype(np.int32)
        self.connections.append(Sparse(source, target, source_index, target_index, weight, delay))

    def accumulate(self, source: str, weight: Array) -> None:
        self.connections.append(Dense(source, ACTION, weight))

    def _delay(self, source: str, target: str, ago: int) -> int:
        return self.depth(target) - self.depth(source) - 1 + self.period * ago


class _Projections:
    """The residual stream: what has been projected onto it so far, for whoever reads it next."""

    def __init__(self, graph: _Graph, folded: FoldedPolicy) -> None:
        self._graph = graph
        self._folded = folded
        self._sources: list[tuple[str, Affine]] = []

    def add(self, source: str, affine: Affine) -> None:
        """``affine`` of ``source``'s spikes joins the stream."""
        self._sources.append((source, affine))

    def read(self, name: str, offset: Array | None = None) -> str:
        """Add spiking neurons that read the stream, and ``offset`` besides, one hop after its latest projection.

        If nothing has been projected yet, they are next to the token, or to the bias line that brings the offset.
        """
        graph = self._graph
        nearest = self._sources[-1][0] if self._sources else None if offset is None else BIAS
        depth = 0 if nearest is None else graph.depth(nearest) + 1
        graph.add_lif(name, self._folded.size, depth)
        graph.inject(name)
        for source, affine in self._sources:
            graph.connect(source, name, affine.weight)
        if self._sources or offset is not None:
            graph.connect_bias(name, self._bias() + (0.0 if offset is None else offset))
        return name

    def accumulate(self) -> None:
        """Add the accumulator: the readout of each projection's spikes, meaned over time steps."""
        readout = self._folded.readout.weight
        self._graph.add(Accumulator(ACTION, len(readout)), depth=self._graph.depth(self._sources[-1][0]) + 1)
        for source, affine in self._sources:
            self._graph.accumulate(source, readout @ affine.weight / self._folded.time_steps)

    def readout(self) -> HostReadout:
        """The rest of the action: the readout of the token's current and of the constants."""
        affine = self._folded.readout
        return HostReadout(
            inverse_scale=np.ones(len(affine.bias)),
            weight=affine.weight,
            bias=affine.weight @ self._bias() + affine.bias,
        )

    def _bias(self) -> Array:
        bias: Array = np.sum([affine.bias for _, affine in self._sources], axis=0)
        return bias


def _lower_pssa(graph: _Graph, mixing: FoldedPssa, inputs: Sequence[str], name: str) -> str:
    """Gate j·D + c is query c ∧ key c ∧ value c of j tokens ago; each channel's gates meet in one output neuron."""
    tokens, size = mixing.position.shape
    query = graph.lif_layer(f"{name}.query", inputs, mixing.query)
    key = graph.lif_layer(f"{name}.key", inputs, mixing.key)
    value = graph.lif_layer(f"{name}.value", inputs, mixing.value)
    past = graph.add_and(f"{name}.past", size, graph.depth(key) + 1)
    gate = graph.add_and(f"{name}.gate", tokens * size, graph.depth(past) + 1)
    output = graph.add_lif(f"{name}.output", size, graph.depth(gate) + 1)
    channels, gates = np.arange(size, dtype=np.int32), np.arange(tokens * size, dtype=np.int32)
    channel_of_gate, ago = gates % size, gates // size
    for factor in (key, value):
        graph.connect_listed(factor, past, channels, channels, np.ones(size), np.zeros_like(channels))
    graph.connect_listed(query, gate, channel_of_gate, gates, np.ones(len(gates)), np.zeros_like(gates))
    graph.connect_listed(past, gate, channel_of_gate, gates, np.ones(len(gates)), ago)
    graph.connect_listed(gate, output, gates, channel_of_gate, mixing.position.reshape(-1), np.zeros_like(gates))
    return output


def _lower_delay(graph: _Graph, mixing: FoldedDelay, inputs: Sequence[str], name: str) -> str:
    """One weight matrix a delay; a past token brings its bias by the bias line's spikes of that time."""
    output = graph.add_lif(f"{name}.output", len(mixing.bias), graph.depth(inputs[0]) + 1)
    for ago, weight in enumerate(mixing.weight):
        graph.connect_all(inputs, output, weight, ago)
        graph.connect_bias(output, mixing.past_bias[ago] + (mixing.bias if ago == 0 else 0.0), ago)
    return output


def _period(folded: FoldedPolicy) -> int:
    hops = sum(_hops(block) for block in folded.blocks) + _reads_bias_first(folded.blocks[0])
    beta = decay_mantissa(1.0 - folded.beta, "Every LIF layer")
    idle = max(steps_to_zero(decay) for decay in (beta, AND_DECAY))
    return folded.time_steps + max(hops, idle)


def _hops(block: FoldedBlock | FoldedMlpBlock) -> int:
    if not isinstance(block, FoldedBlock):
        return MLP_HOPS
    return PSSA_HOPS if any(isinstance(mixing, FoldedPssa) for mixing in block.mixings.values()) else DELAY_HOPS


def _reads_bias_first(block: FoldedBlock | FoldedMlpBlock) -> bool:
    """Whether the first layers wait a hop for their offsets."""
    return isinstance(block, FoldedBlock) and any(offset is not None for offset in block.inputs.values())


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
