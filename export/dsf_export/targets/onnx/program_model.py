"""A whole program as an ONNX model: token in, action, spikes and the next state out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx

from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.host import ExactHost, FloatHost, token_scale
from dsf_export.targets.onnx.program_neurons import add_neurons
from dsf_export.targets.onnx.tokens import add_token, give_action
from neuro_runtime.program import Program
from neuro_runtime.program.limits import INJECTION_LIMIT

TOKEN, ACCUMULATOR = "token", "accumulator"


def program_model(program: Program, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """A decision of ``program``: from the raw token to the action of −1 … 1."""
    graph = GraphBuilder(program.environment or "policy")
    token = add_token(graph, token_scale(program.encoder), program.encoder.action_size)
    if program.arithmetic == "loihi":
        exact = ExactHost(graph, program.encoder, program.readout)
        current = exact.encode(token)
        action = exact.decode(add_neurons(graph, program, exact.quantise(current)), current)
    else:
        host = FloatHost(graph, program.encoder, program.readout)
        current = host.encode(token)
        action = host.decode(add_neurons(graph, program, current), current)
    give_action(graph, action, program.accumulator.size)
    return graph.model(metadata)


def neurons_model(program: Program) -> onnx.ModelProto:
    """A decision of a loihi program's neurons alone: from any integer current to the accumulator."""
    graph = GraphBuilder("neurons")
    token = graph.input(TOKEN, np.int32, (1, program.current_input.size))
    accumulator = add_neurons(graph, program, token, INJECTION_LIMIT)
    graph.output(ACCUMULATOR, accumulator, np.int32, (1, program.accumulator.size))
    return graph.model({})
