"""A network as its file has it: named nodes with their parameters, and edges, nothing interpreted yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SourceNode:
    """One node of a file.

    Attributes
    ----------
    kind
        NIR's name of it: ``LIF``, ``Affine``, …
    parameters
        Arrays by NIR's name of them.
    """

    name: str
    kind: str
    parameters: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class SourceGraph:
    """A flat graph: nested ones are unfolded.

    Attributes
    ----------
    nodes
        By name.
    edges
        Sources and targets, in the order of the file; those into one node add up.
    notes
        What was repaired on reading, a sentence each.
    """

    nodes: Mapping[str, SourceNode]
    edges: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    def into(self, name: str) -> list[str]:
        """Sources of the edges into ``name``, in alphabetical order, so that their sum has one value."""
        return sorted(source for source, target in self.edges if target == name)

    def of_kind(self, *kinds: str) -> list[SourceNode]:
        """The nodes of these kinds."""
        return [node for node in self.nodes.values() if node.kind in kinds]

    def with_note(self, note: str) -> SourceGraph:
        """The same with another note."""
        return replace(self, notes=(*self.notes, note))
