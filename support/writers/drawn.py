"""The offer of each module of this package: networks with drawn weights, their export and their spikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

INPUTS, HIDDEN, OUTPUTS = 10, 16, 4
IMAGE = (2, 6, 8)  # channels, height, width
LINES = (2, 12)


@dataclass(frozen=True)
class Drawn:
    """How one network is made and read.

    Attributes
    ----------
    make
        The framework's network, its weights by the seed of `torch.manual_seed`.
    options
        What ``dsf-export`` must be told, ``key=value``.
    shape
        Of a time step's input.
    """

    make: Callable[[], Any]
    options: tuple[str, ...]
    shape: tuple[int, ...] = (INPUTS,)


class Writer(Protocol):
    """A module ``by_FRAMEWORK``."""

    PINS: tuple[str, ...]
    """Requirements of its environment, each ``name==version``."""

    NETWORKS: Mapping[str, Drawn]
    """By name."""

    def export(self, network: Any, shape: tuple[int, ...], path: Path) -> None:
        """Write the network by the framework's own exporter."""
        ...

    def run(self, network: Any, sample: NDArray[Any]) -> NDArray[Any]:
        """The output in each time step of a sample (steps, *shape), from a blank state."""
        ...
