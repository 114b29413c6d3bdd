"""The multi-layer perceptrons in ONNX, one token a call."""

from __future__ import annotations

import numpy as np
from torch import nn

from dsf_export.targets.onnx.linear import Linears
from dsf_export.targets.onnx.tokens import TokenInputs
from dsf_models.difference_mlp import DifferenceMlpPolicy
from dsf_models.mlp import MlpPolicy

PAST_STATES, TOKENS = "past.states", "past.tokens"


def add_mlp(linears: Linears, model: MlpPolicy, token: TokenInputs) -> str:
    """`MlpPolicy`'s action, (1, action_size)."""
    return _layers(linears, model, linears.graph.cast(token.state, np.float32))


def add_difference_mlp(linears: Linears, model: DifferenceMlpPolicy, token: TokenInputs) -> str:
    """`DifferenceMlpPolicy`'s action; it remembers the last states, and how many of them there were."""
    graph, window = linears.graph, model.config.window
    seen, width = model.tokens_seen, model.observation_size
    state, wanted = (graph.cast(value, np.float32) for value in (token.state, token.return_to_go))
    parts = [state]
    if seen > 1:
        past = graph.input(PAST_STATES, np.float32, (seen - 1, width))
        before = graph.input(TOKENS, np.int64, (1, 1))
        states = graph.op("Concat", past, state, axis=0)
        later = _rows(linears, states, 1, seen)
        differences = graph.op("Sub", later, past)
        needed = graph.constant(
            np.arange(seen - 1, 0, -1)[:, None], np.int64
        )  # earlier tokens, oldest difference first
        exists = graph.cast(graph.op("GreaterOrEqual", before, needed), np.float32)
        newest_first = graph.constant(np.arange(seen - 2, -1, -1), np.int64)
        ordered = graph.op("Gather", graph.op("Mul", differences, exists), newest_first, axis=0)
        parts.append(graph.op("Reshape", ordered, graph.constant(np.array([1, -1]), np.int64)))
        graph.output(f"next.{PAST_STATES}", later, np.float32, (seen - 1, width))
        count = graph.op("Add", before, graph.constant(np.ones((1, 1)), np.int64))
        graph.output(f"next.{TOKENS}", count, np.int64, (1, 1))
    if window > seen:
        parts.append(graph.constant(np.zeros((1, (window - seen) * width)), np.float32))
    return _layers(linears, model, graph.op("Concat", *parts, wanted, axis=1))


def _layers(linears: Linears, model: MlpPolicy, values: str) -> str:
    graph = linears.graph
    for number, layer in enumerate(model.layers):
        graph.begin(f"layers.{number}")
        match layer:
            case nn.Linear():
                values = linears.layer(values, layer)
            case nn.ReLU():
                values = graph.op("Relu", values)
            case nn.Tanh():
                values = graph.op("Tanh", values)
            case _:
                continue  # dropout passes everything
    return values


def _rows(linears: Linears, rows: str, first: int, last: int) -> str:
    ends = (linears.graph.constant(np.array([end]), np.int64) for end in (first, last))
    return linears.graph.op("Slice", rows, *ends)
