"""Place a network on a chip under the chip's limits."""

from hw_profiles.mapping.chip_mapping import (
    ChipMapping,
    Core,
    LayerUse,
    Operation,
    OperationKind,
    ResourceUse,
    Slice,
)
from hw_profiles.mapping.map_network import map_network
from hw_profiles.mapping.spread import Objective

__all__ = [
    "ChipMapping",
    "Core",
    "LayerUse",
    "Objective",
    "Operation",
    "OperationKind",
    "ResourceUse",
    "Slice",
    "map_network",
]
