"""The three elements that a decision adds to the sequence of Decision Transformer and Decision ConvFormer.

At token i these are the action before it, which only now is known, the return-to-go and the state:
``a_{i−1}, R̂_i, s_i``. At the first token there is no action before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsf_export.targets.onnx.linear import Linears, array
from dsf_export.targets.onnx.tokens import TokenInputs
from dsf_models.trajectory_embedding import ELEMENTS, TrajectoryEmbedding

STEP = "step"
STATE_ROW = 2  # of the three elements


@dataclass(frozen=True)
class Elements:
    """The new elements.

    Attributes
    ----------
    rows
        (3, D), embedded.
    step
        Tokens of the episode before this one, (1, 1), an integer; a state.
    """

    rows: str
    step: str


def add_elements(linears: Linears, embedding: TrajectoryEmbedding, token: TokenInputs) -> Elements:
    """``LN(W_x x + b_x + e_n)`` of the three."""
    graph = linears.graph
    graph.begin("embedding")
    step = graph.input(STEP, np.int64, (1, 1))
    graph.output(f"next.{STEP}", graph.op("Add", step, graph.constant(1, np.int64)), np.int64, (1, 1))
    state, action, wanted = (
        graph.cast(value, np.float32) for value in (token.state, token.previous_action, token.return_to_go)
    )
    if not embedding.tells_actions:
        action = graph.constant(np.zeros((1, embedding.action.in_features)), np.float32)
    sorts = ((action, embedding.action), (wanted, embedding.return_to_go), (state, embedding.state))
    embedded = graph.op("Concat", *(linears.layer(values, layer) for values, layer in sorts), axis=0)
    ago = graph.constant(np.array([1, 0, 0]), np.int64)
    places = graph.op("Sub", graph.op("Reshape", step, graph.constant(np.array([1]), np.int64)), ago)
    ends = (graph.constant(end, np.int64) for end in (0, embedding.step.num_embeddings - 1))
    time = graph.op("Gather", graph.constant(array(embedding.step.weight)), graph.op("Clip", places, *ends), axis=0)
    return Elements(linears.norm(graph.op("Add", embedded, time), embedding.norm), step)


def state_row(linears: Linears, rows: str) -> str:
    """The state's element, (1, D), from which the action is read."""
    assert STATE_ROW == ELEMENTS - 1
    ends = (linears.graph.constant(np.array([end]), np.int64) for end in (STATE_ROW, STATE_ROW + 1))
    return linears.graph.op("Slice", rows, *ends)
