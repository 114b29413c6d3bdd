"""The Decision Transformer in ONNX with its cache: keys and values of earlier elements are kept, not computed again.

Until the context is full its answers are the window's. From then on a cache is another function, as everywhere: keys of
deeper layers still remember elements that a computed window would have dropped.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from torch import nn

from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.linear import Linears, array
from dsf_export.targets.onnx.tokens import TokenInputs
from dsf_export.targets.onnx.trajectory import add_elements, state_row
from dsf_models.decision_transformer import DecisionTransformer
from dsf_models.trajectory_embedding import ELEMENTS

HIDDEN = -1e9  # the score of what may not be seen


def add_transformer(linears: Linears, model: DecisionTransformer, token: TokenInputs) -> str:
    """Its action, (1, action_size)."""
    graph = linears.graph
    elements = add_elements(linears, model.embedding, token)
    cached = ELEMENTS * (model.config.context - 1) - 1 if model.config.context > 1 else 0
    seen = _seen(graph, elements.step, cached)
    rows = elements.rows
    for index, layer in enumerate(cast(list[nn.TransformerEncoderLayer], list(model.blocks.layers))):
        graph.begin(f"block{index}")
        normed = linears.norm(rows, layer.norm1)
        attended = _attention(linears, layer.self_attn, normed, seen, cached, f"past.block{index}")
        rows = graph.op("Add", rows, attended)
        hidden = graph.op("Relu", linears.layer(linears.norm(rows, layer.norm2), layer.linear1))
        rows = graph.op("Add", rows, linears.layer(hidden, layer.linear2))
    graph.begin("head")
    last = linears.norm(state_row(linears, rows), cast(nn.LayerNorm, model.blocks.norm))
    return graph.op("Tanh", linears.layer(last, model.head))


def _seen(graph: GraphBuilder, step: str, cached: int) -> str:
    """Whether each new element sees each element, (3, cached + 3): those that exist up to itself, and always itself.

    After i tokens there are 3i − 1 elements before ``a_{i−1}``, the first of them oldest.
    """
    begun = graph.op("Greater", step, graph.constant(0, np.int64))  # (1, 1)
    new = graph.op("Concat", begun, graph.constant(np.ones((1, 2), dtype=bool)), axis=1)
    earlier = graph.constant(np.tri(ELEMENTS, dtype=bool))
    itself = graph.constant(np.eye(ELEMENTS, dtype=bool))
    among_new = graph.op("Or", graph.op("And", new, earlier), itself)
    if not cached:
        return among_new
    there = graph.op("Sub", graph.op("Mul", step, graph.constant(ELEMENTS, np.int64)), graph.constant(1, np.int64))
    ago = graph.constant(np.arange(cached, 0, -1)[None], np.int64)
    exists = graph.op("GreaterOrEqual", there, ago)
    by_all = graph.op("Expand", exists, graph.constant(np.array([ELEMENTS, cached]), np.int64))
    return graph.op("Concat", by_all, among_new, axis=1)


def _attention(linears: Linears, attention: nn.MultiheadAttention, rows: str, seen: str, cached: int, past: str) -> str:
    graph, size, heads = linears.graph, attention.embed_dim, attention.num_heads
    weight, bias = array(attention.in_proj_weight), array(attention.in_proj_bias)
    together = linears.affine(rows, weight, bias)
    query, key, value = graph.split_op("Split", 3, together, axis=1)
    if cached:
        key, value = (
            _cached(graph, new, f"{past}.{name}", cached, size) for new, name in ((key, "key"), (value, "value"))
        )
    shape = graph.constant(np.array([-1, heads, size // heads]), np.int64)

    def of_heads(part: str, order: list[int]) -> str:
        return graph.op("Transpose", graph.op("Reshape", part, shape), perm=order)

    scores = graph.op("MatMul", of_heads(query, [1, 0, 2]), of_heads(key, [1, 2, 0]))
    scaled = graph.op("Mul", scores, graph.constant((size // heads) ** -0.5, np.float32))
    shares = graph.op("Softmax", graph.op("Where", seen, scaled, graph.constant(HIDDEN, np.float32)), axis=-1)
    merged = graph.op("Transpose", graph.op("MatMul", shares, of_heads(value, [1, 0, 2])), perm=[1, 0, 2])
    flat = graph.op("Reshape", merged, graph.constant(np.array([-1, size]), np.int64))
    return linears.layer(flat, attention.out_proj)


def _cached(graph: GraphBuilder, new: str, name: str, cached: int, size: int) -> str:
    """The cache with the new rows behind it, (cached + 3, D); the next call begins with its last rows."""
    rows = graph.op("Concat", graph.input(name, np.float32, (cached, size)), new, axis=0)
    ends = (graph.constant(np.array([end]), np.int64) for end in (ELEMENTS, ELEMENTS + cached))
    graph.output(f"next.{name}", graph.op("Slice", rows, *ends), np.float32, (cached, size))
    return rows
