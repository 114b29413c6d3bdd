"""Firing-rate initialisation and homeostasis: layers that hardly fire are given the bias with which they do.

A silent layer has little gradient, as the surrogate is 0 far from the threshold, and what reads it has none, so it may
never fire by itself. Layer by layer, in the network's order, the additive constant before its neurons is raised,
the same for all channels, until the share of its neurons and time steps that fire on recorded tokens is the one asked
for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor

from dsf_models import DSFormer
from dsf_models.biased_layer import BiasedLayer, layer_biases
from dsf_models.dsformer import Block, MlpBlock, input_names
from dsf_models.population import PopulationLif
from dsf_train.firing import firing_rates
from dsf_train.sampling import Batch

WINDOWS = 16  # of the batch that rates are measured on: each trial is one forward pass
HALVINGS = 6  # of the interval that a shift is looked for in
FARTHEST = 64.0  # thresholds; a layer that is silent beyond has no way to fire

_log = logging.getLogger(__name__)


def raise_firing_rates(model: DSFormer, batch: Batch, rate: float) -> dict[str, float]:
    """Give every layer of ``model`` that fires less than ``rate`` on ``batch`` the bias with which it does.

    A layer without a bias of its own fires by what drives it (`TokenMixing.biased_layers`). Statistics that are
    collected on the way are put back.

    Returns
    -------
    dict[str, float]
        The shift of each layer that was raised, in thresholds.
    """
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers()}
    shifts = {}
    with torch.no_grad():
        for layer in _biased_layers(model, rate):
            shift = _needed_shift(model, batch, layer)
            if shift:
                shifts[layer.name] = raised = shift / model.config.threshold
                _log.info("layer %s raised by %.2f thresholds to fire at %.1f %%", layer.name, raised, 100 * layer.rate)
        for name, buffer in model.named_buffers():
            buffer.copy_(statistics[name])
    return shifts


def _needed_shift(model: DSFormer, batch: Batch, layer: BiasedLayer) -> float:
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


def _biased_layers(model: DSFormer, rate: float) -> Iterator[BiasedLayer]:
    """Every layer with a bias, in the network's order."""
    residual: Sequence[Tensor] = [model.embedding_norm.bias]  # what was last added to the residual stream
    for number, block in enumerate(cast(list[Block | MlpBlock], model.blocks)):
        attention, mlp = f"block{number}.attention", f"block{number}.mlp"
        if isinstance(block, Block):
            yield from _inputs(block, attention, residual, rate)
            yield from block.attention.biased_layers(rate, attention)
            residual = block.attention.projection_biases()
        yield BiasedLayer(f"{mlp}.input", residual, rate)
        yield BiasedLayer(f"{mlp}.hidden", layer_biases(block.mlp.hidden), rate)
        residual = layer_biases(block.mlp.project)


def _inputs(block: Block, attention: str, residual: Sequence[Tensor], rate: float) -> Iterator[BiasedLayer]:
    """The neurons that the mixing reads; each level of a population code has its own offset."""
    names, neuron = input_names(attention, block.levels), block.attention_neuron
    offsets = [[offset] for offset in neuron.offset] if isinstance(neuron, PopulationLif) else [residual]
    for name, biases in zip(names, offsets, strict=True):
        yield BiasedLayer(name, biases, rate)
