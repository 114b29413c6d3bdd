"""Layers without state by the parameters of their NIR nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.sources.layers import Affine, Convolution, Flatten, Layer, Pool, Scale
from dsf_export.sources.source_graph import SourceNode
from neuro_runtime.program.kernel import Shape

Parameters = Mapping[str, NDArray[Any]]


def stateless_layer(node: SourceNode) -> Layer:
    """The layer of a node that holds neither neurons nor delays.

    Raises
    ------
    UserError
        A parameter has a shape or a value that is not covered.
    """
    return _LAYERS[node.kind](node.parameters)


def _affine(parameters: Parameters) -> Layer:
    weight = _floats(parameters["weight"])
    if weight.dim() == 1:
        weight = weight[None]
    if weight.dim() != 2:
        raise UserError(f"weights of shape {tuple(weight.shape)}, where a matrix is covered")
    bias = _floats(parameters["bias"]).reshape(-1) if "bias" in parameters else None
    if bias is not None and bias.numel() == 1:
        bias = bias.expand(weight.shape[0])
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise UserError(f"a bias of {bias.shape[0]} numbers beside {weight.shape[0]} rows of weights")
    return Affine(weight, bias)


def _convolution(axes: int) -> Callable[[Parameters], Layer]:
    def make(parameters: Parameters) -> Layer:
        weight = _floats(parameters["weight"])
        if weight.dim() != axes + 2:
            raise UserError(f"a kernel of shape {tuple(weight.shape)}, where {axes + 2} dimensions are covered")
        stride, dilation = _pair(parameters["stride"], axes, 1), _pair(parameters["dilation"], axes, 1)
        groups = int(parameters["groups"].reshape(-1)[0]) if parameters["groups"].size else 1
        bias = _floats(parameters["bias"]).reshape(-1)
        if groups < 1 or weight.shape[0] % groups:
            raise UserError(f"{groups} groups do not divide {weight.shape[0]} channels")
        if bias.numel() not in (1, weight.shape[0]):
            raise UserError(f"a bias of {bias.numel()} numbers for {weight.shape[0]} channels")
        padding = _padding(parameters["padding"], weight, stride, dilation)
        return Convolution(weight, bias.expand(weight.shape[0]).contiguous(), stride, padding, dilation, groups)

    return make


def _padding(given: NDArray[Any], weight: Tensor, stride: Shape, dilation: Shape) -> Shape:
    if given.dtype.kind not in "US" and given.dtype.kind != "O":
        return _pair(given, len(stride), 0)
    word = str(given.reshape(-1)[0])
    if word == "valid":
        return (0,) * len(stride)
    spans = [step * (int(width) - 1) for step, width in zip(dilation, weight.shape[2:], strict=True)]
    if word != "same" or any(step != 1 for step in stride) or any(span % 2 for span in spans):
        raise UserError(f"the padding {word!r} is not covered for this kernel and stride")
    return tuple(span // 2 for span in spans)


def _pool(mean: bool) -> Callable[[Parameters], Layer]:
    def make(parameters: Parameters) -> Layer:
        return Pool(
            _pair(parameters["kernel_size"], 2, 1),
            _pair(parameters["stride"], 2, 1),
            _pair(parameters["padding"], 2, 0),
            mean,
        )

    return make


def _flatten(parameters: Parameters) -> Layer:
    return Flatten(int(parameters["start_dim"].reshape(-1)[0]), int(parameters["end_dim"].reshape(-1)[0]))


_LAYERS: Mapping[str, Callable[[Parameters], Layer]] = {
    "Affine": _affine,
    "Linear": _affine,
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "SumPool2d": _pool(mean=False),
    "AvgPool2d": _pool(mean=True),
    "Flatten": _flatten,
    "Scale": lambda parameters: Scale(_floats(parameters["scale"])),
}


def _floats(value: NDArray[Any]) -> Tensor:
    plain = np.ascontiguousarray(value)
    return torch.as_tensor(plain if plain.dtype in (np.float32, np.float64) else plain.astype(np.float32))


def _pair(value: NDArray[Any], axes: int, least: int) -> Shape:
    numbers = [int(each) for each in np.asarray(value).reshape(-1)]
    numbers = numbers * axes if len(numbers) == 1 else numbers
    if len(numbers) != axes or min(numbers) < least or max(numbers) > 10**6:
        raise UserError(f"{numbers} where {axes} numbers from {least} up are needed")
    return tuple(numbers)
