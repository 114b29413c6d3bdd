"""The Decision ConvFormer in ONNX, one token a call: its filters remember the last elements that they saw."""

from __future__ import annotations

from typing import cast

import numpy as np
from torch import nn

from dsf_common.errors import UserError
from dsf_export.targets.onnx.linear import Linears, array
from dsf_export.targets.onnx.tokens import TokenInputs
from dsf_export.targets.onnx.trajectory import add_elements, state_row
from dsf_models.decision_convformer import ConvBlock, DecisionConvFormer, LocalFilter
from dsf_models.trajectory_embedding import ELEMENTS

# The filters of return-to-go, state and action; the new elements come as action, return-to-go, state.
ORDER = (2, 0, 1)


def add_convformer(linears: Linears, model: DecisionConvFormer, token: TokenInputs) -> str:
    """Its action, (1, action_size).

    Raises
    ------
    UserError
        Its filters see more than the context, so that a stream is another function than the window.
    """
    _require_stream(model)
    graph = linears.graph
    elements = add_elements(linears, model.embedding, token)
    exists = graph.op("Greater", elements.step, graph.constant(0, np.int64))
    always = graph.constant(np.ones((2, 1), dtype=bool))
    real = graph.cast(graph.op("Concat", exists, always, axis=0), np.float32)
    rows = elements.rows
    for index, block in enumerate(cast(list[ConvBlock], list(model.blocks))):
        graph.begin(f"block{index}")
        rows = _block(linears, block, rows, real, f"past.block{index}.filter")
    graph.begin("head")
    return graph.op("Tanh", linears.layer(linears.norm(state_row(linears, rows), model.last_norm), model.head))


def _require_stream(model: DecisionConvFormer) -> None:
    config = model.config
    seen, held = config.blocks * (config.window - 1) + 1, ELEMENTS * config.context - 1
    if seen > held:
        raise UserError(
            f"the filters of this Decision ConvFormer see {seen} elements and its context holds {held}, so a stream "
            f"would answer otherwise than its window; train with model.window={(held - 1) // config.blocks + 1} or less"
        )


def _block(linears: Linears, block: ConvBlock, rows: str, real: str, past_name: str) -> str:
    graph = linears.graph
    seen = graph.op("Mul", linears.norm(rows, block.filter_norm), real)
    rows = graph.op("Add", rows, _filtered(linears, block.filter, seen, past_name))
    hidden = _gelu(linears, linears.layer(linears.norm(rows, block.mlp_norm), block.hidden))
    return graph.op("Add", rows, linears.layer(hidden, block.project))


def _filtered(linears: Linears, local: LocalFilter, seen: str, past_name: str) -> str:
    """``Σ_j w_j ⊙ x_{e−j} + b`` of the three new elements e."""
    graph, window = linears.graph, local.window
    filters = [cast(nn.Conv1d, local.filters[sort]) for sort in ORDER]
    weight = np.stack([array(each.weight)[:, 0].T for each in filters])  # (3, S, D)
    bias = np.stack([array(cast(nn.Parameter, each.bias)) for each in filters])
    rows = seen
    if window > 1:
        shape = window - 1, weight.shape[2]
        rows = graph.op("Concat", graph.input(past_name, np.float32, shape), seen, axis=0)
        ends = (graph.constant(np.array([end]), np.int64) for end in (ELEMENTS, ELEMENTS + window - 1))
        graph.output(f"next.{past_name}", graph.op("Slice", rows, *ends), np.float32, shape)
    places = np.arange(ELEMENTS)[:, None] + np.arange(window)
    picked = graph.op("Gather", rows, graph.constant(places, np.int64), axis=0)  # (3, S, D)
    over_window = graph.constant(np.array([1]), np.int64)
    total = graph.op("ReduceSum", graph.op("Mul", picked, graph.constant(weight)), over_window, keepdims=0)
    return graph.op("Add", total, graph.constant(bias))


def _gelu(linears: Linears, values: str) -> str:
    """``x (1 + erf(x / √2)) / 2``."""
    graph = linears.graph
    share = graph.op("Erf", graph.op("Mul", values, graph.constant(np.sqrt(0.5), np.float32)))
    raised = graph.op("Add", share, graph.constant(1, np.float32))
    return graph.op("Mul", graph.op("Mul", values, raised), graph.constant(0.5, np.float32))
