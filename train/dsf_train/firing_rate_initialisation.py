"""A start from data: layers that would hardly fire are given the bias with which they do.

A silent layer has little gradient, as the surrogate is 0 far from the threshold, and what reads it has none, so it may
never come alive by itself. Layer by layer, in the network's order, the additive constant before its neurons is raised,
the same for all channels, until the share of its neurons and time steps that fire on recorded tokens is the one asked
for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from dsf_models import DSFormer
from dsf_models.configuration import GATED, Mixing, ModelConfig
from dsf_models.dsformer import Block, MlpBlock
from dsf_models.mixing_names import input_names
from dsf_models.mixings import PlainMixing, mixing_parts
from dsf_models.mixings.delay import DelayMixing
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.population import PopulationLif
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear
from dsf_train.firing import firing_rates
from dsf_train.sampling import Batch

WINDOWS = 16  # of the batch that rates are measured on: each trial is one forward pass
HALVINGS = 6  # of the interval that a shift is looked for in
FARTHEST = 64.0  # thresholds; a layer that is silent beyond has no way to fire

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Layer:
    name: str
    biases: Sequence[Tensor]  # adding to all of them adds to the current of each neuron
    rate: float  # to be reached


def wake(model: DSFormer, batch: Batch, rate: float) -> dict[str, float]:
    """Give every layer of ``model`` that fires less than ``rate`` on ``batch`` the bias with which it does.

    Layers without a bias of their own, the attention outputs, fire by their factors: PSSA's and SDSA-1's queries, keys
    and values are raised to the rate at which three of them meet as often as asked, were they independent. Statistics
    that are collected on the way are put back.

    Returns
    -------
    dict[str, float]
        The shift of each layer that was raised, in thresholds.
    """
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers()}
    shifts = {}
    with torch.no_grad():
        for layer in _layers(model, rate):
            shift = _needed_shift(model, batch, layer)
            if shift:
                shifts[layer.name] = shift / model.config.threshold
                _log.info("layer %s raised by %.2f thresholds to fire at %.1f %%", layer.name, shift, 100 * layer.rate)
        for name, buffer in model.named_buffers():
            buffer.copy_(statistics[name])
    return shifts


def factor_rate(rate: float, reach: int) -> float:
    """The rate x of q, k and v for q to meet a k ∧ v of ``reach`` tokens: ``x (1 − (1 − x²)^reach) = rate``."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if middle * (1 - (1 - middle**2) ** reach) > rate else (middle, high)
    return high


def _needed_shift(model: DSFormer, batch: Batch, layer: _Layer) -> float:
    """Raise ``layer``'s biases as far as needed, and say how far."""
    given = [bias.clone() for bias in layer.biases]

    def fires(shift: float) -> bool:
        for bias, before in zip(layer.biases, given, strict=True):
            bias.copy_(before + shift)
        return _rate(model, batch, layer.name) >= layer.rate

    if fires(0.0):
        return 0.0
    low, high = 0.0, model.config.threshold
    while not fires(high) and high < FARTHEST * model.config.threshold:
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fires(middle) else (middle, high)
    fires(high)
    return high


def _rate(model: DSFormer, batch: Batch, name: str) -> float:
    spikes: dict[str, Tensor] = {}
    model(batch.states, batch.previous_actions, batch.returns_to_go, batch.mask, spikes=spikes, steps=batch.steps)
    return firing_rates({name: spikes[name]})[name]


def _layers(model: DSFormer, rate: float) -> Iterator[_Layer]:
    """Every layer with a bias, in the network's order."""
    residual: Sequence[Tensor] = [model.embedding_norm.bias]  # what was last added to the residual stream
    for number, block in enumerate(cast(list[Block | MlpBlock], model.blocks)):
        attention, mlp = f"block{number}.attention", f"block{number}.mlp"
        if isinstance(block, Block):
            yield from _inputs(block, attention, residual, rate)
            for prefix, mixing in mixing_parts(block.attention, attention).items():
                yield from _mixing(model.config, mixing, prefix, rate)
                residual = _biases(mixing.project)
        yield _Layer(f"{mlp}.input", residual, rate)
        yield _Layer(f"{mlp}.hidden", _biases(block.mlp.hidden), rate)
        residual = _biases(block.mlp.project)


def _inputs(block: Block, attention: str, residual: Sequence[Tensor], rate: float) -> Iterator[_Layer]:
    """What the mixing reads; each level of a population code has its own offset."""
    names, neuron = input_names(attention, block.levels), block.attention_neuron
    offsets = [[offset] for offset in neuron.offset] if isinstance(neuron, PopulationLif) else [residual]
    for name, biases in zip(names, offsets, strict=True):
        yield _Layer(name, biases, rate)


def _mixing(config: ModelConfig, mixing: PlainMixing, name: str, rate: float) -> Iterator[_Layer]:
    if isinstance(mixing, DelayMixing):
        yield _Layer(f"{name}.output", _norm_biases(mixing.norm) or [mixing.value.linear.bias], rate)
    elif isinstance(mixing, DelayMatrixMixing):
        present = mixing.linear.bias[: mixing.project.linear.in_features]  # b_0: it always exists
        yield _Layer(f"{name}.output", _norm_biases(mixing.norm) or [present], rate)
    else:
        share = _share_of_factors(config, rate)
        for factor, layer in (("query", mixing.query), ("key", mixing.key), ("value", mixing.value)):
            yield _Layer(f"{name}.{factor}", _biases(layer), share)


def _share_of_factors(config: ModelConfig, rate: float) -> float:
    """The rate of queries, keys and values; the maps' sums over channels fire by themselves."""
    reach = config.window if config.mixing in GATED else {Mixing.sdsa1: config.context}.get(config.mixing)
    return factor_rate(rate, reach) if reach else rate


def _biases(layer: SpikingLinear | NormalisedLinear) -> list[Tensor]:
    """Of both branches of the norm, or of the Linear where there is none."""
    return _norm_biases(layer.norm) or [layer.linear.bias]


def _norm_biases(norm: nn.Module) -> list[Tensor]:
    return [value for name, value in norm.named_parameters() if name.endswith("_norm.bias")]
