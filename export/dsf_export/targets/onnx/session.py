"""ONNX models in ONNX Runtime, their states carried from call to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from dsf_common.errors import UserError, first_line
from dsf_export.targets.onnx.tokens import ACTION, OBSERVATION, PREVIOUS_ACTION, RETURN_TO_GO
from neuro_runtime.token import Token

NEXT = "next."
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
_ERRORS_ONLY = 3


class OnnxSession:
    """A model on one thread of the CPU; an input X whose next value is the output ``next.X`` is a state.

    Raises
    ------
    UserError
        ONNX Runtime refuses the model.
    """

    def __init__(self, model: onnx.ModelProto | Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        given = str(model) if isinstance(model, Path) else model.SerializeToString()
        try:
            self._session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        except Exception as problem:  # its errors have no common kind
            raise UserError(f"ONNX Runtime refuses the model: {first_line(problem)}") from problem
        self.outputs = [output.name for output in self._session.get_outputs()]
        inputs = {item.name: item for item in self._session.get_inputs()}
        self._initial = {
            name: np.zeros(item.shape, _TYPES[item.type])
            for name, item in inputs.items()
            if NEXT + name in self.outputs
        }
        self._next = [NEXT + name for name in self._initial]
        self.reset()

    def reset(self) -> None:
        """Begin an episode: every state is 0."""
        self._state = dict(self._initial)

    def run(self, inputs: Mapping[str, NDArray[Any]], wanted: Sequence[str]) -> list[NDArray[Any]]:
        """The outputs ``wanted`` of one call, which leaves the next one its states."""
        values: list[NDArray[Any]] = self._session.run([*wanted, *self._next], {**inputs, **self._state})
        self._state = dict(zip(self._initial, values[len(wanted) :], strict=True))
        return values[: len(wanted)]

    def act(self, token: Token) -> NDArray[np.float64]:
        """The action of −1 … 1, (action_size,), of a model that takes tokens."""
        (action,) = self.run(token_inputs(token), [ACTION])
        row: NDArray[np.float64] = action[0]
        return row


def token_inputs(token: Token) -> dict[str, NDArray[np.float64]]:
    """A raw token as a graph's inputs."""
    return window_inputs([token])


def window_inputs(tokens: Sequence[Token]) -> dict[str, NDArray[np.float64]]:
    """Raw tokens as a graph's inputs, a row each, oldest first."""
    return {
        OBSERVATION: np.array([token.state for token in tokens], np.float64),
        PREVIOUS_ACTION: np.array([token.previous_action for token in tokens], np.float64),
        RETURN_TO_GO: np.array([[token.return_to_go] for token in tokens], np.float64),
    }
