"""A network on a chip's cores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportedResource:
    """How much of one of a core's resources a layer's fullest core uses; a chip may state no limit."""

    name: str
    used: float
    limit: float | None
    binding: bool

    @property
    def share(self) -> float | None:
        """Used share of the limit, 0 … 1."""
        return self.used / self.limit if self.limit else None


@dataclass(frozen=True)
class LayerPlace:
    """A layer on the chip; the binding resource is the one that decides how many cores it takes."""

    name: str
    cores: int
    neurons_per_core: float
    synapse_kilobytes: float
    axons_in: float
    axons_out: float
    resources: tuple[ReportedResource, ...]


@dataclass(frozen=True)
class CorePlace:
    """A core on the mesh. Columns and rows are those of cores, so that a tile is a square of them.

    Attributes
    ----------
    utilisation
        Share of its fullest resource, 0 … 1.
    traffic
        Messages that leave or reach it in a decision.
    """

    chip: int
    column: int
    row: int
    layers: tuple[str, ...]
    neurons: int
    utilisation: float
    fullest: str
    traffic: float


@dataclass(frozen=True)
class OperationPlace:
    """The kind of one operation of the policy on this chip, and why it is that."""

    layer: str
    what: str
    kind: str
    count: float
    why: str


@dataclass(frozen=True)
class Placement:
    """The network on a chip."""

    cores: int
    chips: int
    boards: int
    relays: int
    layers: tuple[LayerPlace, ...]
    mesh: tuple[CorePlace, ...]
    operations: tuple[OperationPlace, ...]
