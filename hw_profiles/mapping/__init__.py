"""Place a network on a chip under the chip's limits."""

from hw_profiles.mapping.map_network import map_network
from hw_profiles.mapping.mapping import (
    Core,
    LayerUse,
    Mapping,
    Operation,
    OperationKind,
    ResourceUse,
    Slice,
)

__all__ = ["Core", "LayerUse", "Mapping", "Operation", "OperationKind", "ResourceUse", "Slice", "map_network"]
