"""Surrogate gradients: what training takes for the derivative of a spike ``Θ(U − V_th)``, which has none.

Each is a function σ' of ``x = U − V_th``, with σ'(0) = 1. The area below each is 1, the height of the step that it
stands for, but for rectangles of another width.

An attention's sum of spikes is a whole number. With V_th = ½ it is at x = −½, ½, 3/2, …, and there the published
rectangle is 0: queries, keys and values, and position weights that are whole numbers too, get no gradient at all. Each
other form reaches the nearest two of these places at least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor

from dsf_models.configuration import ModelConfig, Surrogate


@dataclass(frozen=True)
class Rectangle:
    """``σ'(x) = 1{|x| < w}``, 0 on the bounds; w = ½ is the published one (Wu et al., Spatio-temporal backpropagation
    for training high-performance spiking neural networks, 2018)."""

    half_width: float

    def through(self, gradient: Tensor, membrane: Tensor, threshold: float) -> Tensor:
        """``gradient · σ'(membrane − threshold)``: hardtanh's gradient does it in a single pass."""
        low, high = threshold - self.half_width, threshold + self.half_width
        within: Tensor = torch.ops.aten.hardtanh_backward(gradient, membrane, low, high)
        return within


@dataclass(frozen=True)
class Triangle:
    """``σ'(x) = max(0, 1 − |x|)`` (Esser et al., Convolutional networks for fast, energy-efficient neuromorphic
    computing, 2016; SpikingJelly's `PiecewiseQuadratic(alpha=1)`)."""

    def through(self, gradient: Tensor, membrane: Tensor, threshold: float) -> Tensor:
        """``gradient · σ'(membrane − threshold)``."""
        return gradient * (1 - (membrane - threshold).abs()).clamp_min(0)


@dataclass(frozen=True)
class Arctangent:
    """``σ'(x) = 1 / (1 + (π x)²)`` (Fang et al., Incorporating learnable membrane time constant, 2021; SpikingJelly's
    `ATan(alpha=2)`)."""

    def through(self, gradient: Tensor, membrane: Tensor, threshold: float) -> Tensor:
        """``gradient · σ'(membrane − threshold)``."""
        return gradient / (1 + (math.pi * (membrane - threshold)).square())


SurrogateGradient = Rectangle | Triangle | Arctangent

PUBLISHED = Rectangle(0.5)


def surrogate_gradient(config: ModelConfig) -> SurrogateGradient:
    """The surrogate that ``config`` names."""
    match config.surrogate:
        case Surrogate.published:
            return PUBLISHED
        case Surrogate.rectangle:
            return Rectangle(config.surrogate_half_width)
        case Surrogate.triangle:
            return Triangle()
        case Surrogate.arctangent:
            return Arctangent()
        case _:
            assert_never(config.surrogate)
