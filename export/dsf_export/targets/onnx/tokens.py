"""The token of a decision as inputs of a graph, and its normalisation.

Every file that decides token by token has the same inputs in float64, raw as an environment gives them, and the same
output, so one loop runs any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_export.targets.onnx.graph import GraphBuilder

OBSERVATION, PREVIOUS_ACTION, RETURN_TO_GO, ACTION = "observation", "previous_action", "return_to_go", "action"


@dataclass(frozen=True, eq=False)
class TokenScale:
    """``clip((s − mean) / std)`` and ``R / return_scale``, in float64.

    Attributes
    ----------
    input_clip
        Deviations; infinite where nothing is clipped.
    """

    state_mean: NDArray[np.floating]
    state_std: NDArray[np.floating]
    return_scale: float
    input_clip: float


@dataclass(frozen=True)
class TokenInputs:
    """The normalised token, (tokens, ·) each, in float64."""

    state: str
    previous_action: str
    return_to_go: str


def add_token(graph: GraphBuilder, scale: TokenScale, action_size: int, tokens: int | str = 1) -> TokenInputs:
    """Declare the token's inputs, and normalise them."""
    graph.begin("token")
    observation = graph.input(OBSERVATION, np.float64, (tokens, len(scale.state_mean)))
    previous_action = graph.input(PREVIOUS_ACTION, np.float64, (tokens, action_size))
    return_to_go = graph.input(RETURN_TO_GO, np.float64, (tokens, 1))
    state = graph.op("Sub", observation, graph.constant(scale.state_mean, np.float64))
    state = graph.op("Div", state, graph.constant(scale.state_std, np.float64))
    if scale.input_clip < np.inf:
        ends = (graph.constant(end, np.float64) for end in (-scale.input_clip, scale.input_clip))
        state = graph.op("Clip", state, *ends)
    wanted = graph.op("Div", return_to_go, graph.constant(scale.return_scale, np.float64))
    return TokenInputs(state, previous_action, wanted)


def give_action(graph: GraphBuilder, action: str, size: int) -> None:
    """Give out the action of −1 … 1, (1, size), in float64."""
    graph.output(ACTION, action, np.float64, (1, size))
