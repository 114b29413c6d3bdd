"""A trained policy with one parameter of a layer made huge."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from dsf_models.checkpoint import PolicyModel

NEURON, SOURCE = 3, 5  # those that every outlier is given to


def _one_weight(layer: nn.Module, size: float) -> None:
    layer.get_parameter("linear.weight")[NEURON, SOURCE] = size


def _row(layer: nn.Module, size: float) -> None:
    layer.get_parameter("linear.weight")[NEURON] *= size


def _bias(layer: nn.Module, size: float) -> None:
    layer.get_parameter("norm.batch_norm.bias")[NEURON] = size


def _threshold(layer: nn.Module, size: float) -> None:
    """PTBN's gain over its threshold: a large gain is a low threshold."""
    layer.get_parameter("norm.batch_norm.weight")[NEURON] *= size


OUTLIERS: dict[str, Callable[[nn.Module, float], None]] = {
    "weight": _one_weight,
    "row": _row,
    "bias": _bias,
    "threshold": _threshold,
}


def with_outlier(policy: PolicyModel, layer: str, what: str, size: float) -> PolicyModel:
    """A copy whose ``layer``, a Linear and its norm, has an outlier of :data:`OUTLIERS`."""
    model = copy.deepcopy(policy.model)
    with torch.no_grad():
        OUTLIERS[what](model.get_submodule(layer), size)
    return replace(policy, model=model)
