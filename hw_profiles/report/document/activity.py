"""The firing of each layer, and every spike of one decision."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerRate:
    """How much a layer fires: spikes a neuron and active time step (None where it cannot), and counts a decision."""

    name: str
    attention: bool
    firing_rate: float | None
    spikes: float
    synops: float


@dataclass(frozen=True)
class RasterLayer:
    """A layer's rows in the raster."""

    name: str
    attention: bool
    first_row: int
    size: int


@dataclass(frozen=True)
class Raster:
    """Every spike of one decision: ``rows[n]`` (a neuron) fired at time step ``steps[n]``."""

    seed: int
    decision: int
    time_steps: int
    layers: tuple[RasterLayer, ...]
    rows: tuple[int, ...]
    steps: tuple[int, ...]
