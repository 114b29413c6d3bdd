"""A graph of ONNX operators under construction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import DTypeLike, NDArray
from onnx import helper, numpy_helper

OPSET, IR_VERSION = 17, 8  # of 2022, so that runtimes of several years take them
PRODUCER = "decision-spikeformer"


class GraphBuilder:
    """Operators in the order in which they compute, each named after the part of the policy that it belongs to.

    Parameters
    ----------
    name
        The graph's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._part = ""

    def begin(self, part: str) -> None:
        """Name what follows after ``part``, such as a layer."""
        self._part = part

    def input(self, name: str, dtype: DTypeLike, shape: tuple[int | str, ...]) -> str:
        """Declare an input; a string in ``shape`` is a size that is known when the graph runs."""
        self._inputs.append(helper.make_tensor_value_info(name, _element_type(dtype), shape))
        return name

    def output(self, name: str, value: str, dtype: DTypeLike, shape: tuple[int | str, ...]) -> None:
        """Give ``value`` out under ``name``."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"{name}/output"))
        self._outputs.append(helper.make_tensor_value_info(name, _element_type(dtype), shape))

    def constant(self, value: NDArray[Any] | float, dtype: DTypeLike | None = None, name: str | None = None) -> str:
        """A constant; equal ones that have no name of their own are one."""
        array = np.asarray(value, dtype=dtype)
        key = array.dtype.str, array.shape, array.tobytes()
        if name is None and key in self._constants:
            return self._constants[key]
        chosen = name or f"constant_{len(self._initializers)}"
        self._initializers[chosen] = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), chosen)
        if name is None:
            self._constants[key] = chosen
        return chosen

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one result, and return its name."""
        return self.split_op(kind, 1, *inputs, **attributes)[0]

    def split_op(self, kind: str, results: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add an operator with several results, and return their names."""
        name = f"{self._part}/{kind}_{len(self._nodes)}"
        names = [name] if results == 1 else [f"{name}_{n}" for n in range(results)]
        self._nodes.append(helper.make_node(kind, inputs, names, name=name, **attributes))
        return names

    def cast(self, value: str, dtype: DTypeLike) -> str:
        """``value`` in another type of number."""
        return self.op("Cast", value, to=_element_type(dtype))

    def model(self, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """The finished model, checked.

        Raises
        ------
        onnx.checker.ValidationError
            The graph breaks a rule of ONNX.
        """
        used = {name for node in self._nodes for name in node.input}
        constants = [tensor for name, tensor in self._initializers.items() if name in used]
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name=PRODUCER)
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model


def _element_type(dtype: DTypeLike) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
