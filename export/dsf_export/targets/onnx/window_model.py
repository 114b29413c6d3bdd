"""A spiking policy that needs its whole window at every decision, as an ONNX model in float32.

The last tokens come as rows, oldest first, as many as the context holds or fewer; so nothing is remembered. Every
normalisation is in the weights and currents are counted in thresholds, as in a program (`dsf_export.fold`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import onnx

from dsf_export.folding import Affine, fold_affine, fold_linear, fold_norm
from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.linear import array
from dsf_export.targets.onnx.network_model import scale_of
from dsf_export.targets.onnx.tokens import add_token, give_action
from dsf_export.targets.onnx.window_layers import Layers
from dsf_export.targets.onnx.window_mixings import add_mixing
from dsf_models.checkpoint import PolicyModel
from dsf_models.dsformer import Block, DSFormer, MlpBlock, input_names
from dsf_models.population import PopulationLif

TOKENS = "tokens"


def window_model(policy: PolicyModel, model: DSFormer, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """A decision of the last of up to K raw tokens: its action of −1 … 1, and what its neurons did.

    Raises
    ------
    UserError
        A normalisation does not fold, or the token mixing has no such form.
    """
    graph = GraphBuilder(policy.environment or "policy")
    token = add_token(graph, scale_of(policy.normalisation), model.action_size, TOKENS)
    config = model.config
    layers = Layers(graph, config.beta, config.time_steps)
    graph.begin("embedding")
    vector = graph.op("Concat", token.state, token.previous_action, token.return_to_go, axis=1)
    embedded = layers.affine(graph.cast(vector, np.float32), fold_affine(model.embedding))
    parts = (model.embedding_norm.weight, model.embedding_norm.bias)
    norm = (graph.constant(array(part) / config.threshold, np.float32) for part in parts)
    current = graph.op("LayerNormalization", embedded, *norm, epsilon=model.embedding_norm.eps)
    residual = graph.op("Unsqueeze", current, graph.constant(np.array([0]), np.int64))  # held for all T time steps
    for index, block in enumerate(cast(list[Block | MlpBlock], list(model.blocks))):
        residual = _block(layers, block, residual, f"block{index}", config.threshold)
    give_action(graph, _action(layers, model, residual), model.action_size)
    return graph.model(metadata)


def _block(layers: Layers, block: Block | MlpBlock, residual: str, name: str, threshold: float) -> str:
    attention, mlp = f"{name}.attention", f"{name}.mlp"
    if isinstance(block, Block):
        neuron = block.attention_neuron
        offsets = neuron.offset if isinstance(neuron, PopulationLif) else [None] * block.levels
        inputs = [
            layers.fire(input_name, layers.shifted(residual, None if offset is None else array(offset) / threshold))
            for input_name, offset in zip(input_names(attention, block.levels), offsets, strict=True)
        ]
        together = inputs[0] if len(inputs) == 1 else layers.graph.op("Concat", *inputs, axis=-1)
        for current in add_mixing(layers, block.attention, together, attention, threshold):
            residual = layers.graph.op("Add", residual, current)
    spikes = layers.fire(f"{mlp}.input", residual)
    hidden = layers.fire(f"{mlp}.hidden", layers.affine(spikes, fold_linear(block.mlp.hidden, mlp, threshold)))
    project = fold_linear(block.mlp.project, f"{mlp}.project", threshold)
    return layers.graph.op("Add", residual, layers.affine(hidden, project))


def _action(layers: Layers, model: DSFormer, residual: str) -> str:
    """``tanh(head(norm(mean over t of the last token's residual stream)))``, (1, action_size), in float64."""
    graph = layers.graph
    graph.begin("readout")
    gain, offset = fold_norm(model.last_norm, "last_norm", model.embedding.bias.double())
    head = fold_affine(model.head)
    readout = Affine(head.weight * gain * model.config.threshold, head.weight @ offset + head.bias)
    mean = graph.op("ReduceMean", layers.last_token(residual), axes=[0], keepdims=1)
    return graph.cast(graph.op("Tanh", layers.affine(mean, readout)), np.float64)
