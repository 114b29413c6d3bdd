"""NIR files: read from their HDF5, repaired where the writers are known to be wrong, and every repair said.

`nir.read` refuses graphs that mean something (a batch dimension in a type, dangling edges of nested graphs, a 3 × 5
convolution) and allocates whatever shape a file claims, so the file is read here and the names of kinds and parameters
alone are NIR's. The meaning of a node stands in `dsf_export.sources.discretise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dsf_common.errors import UserError
from dsf_common.hdf5_links import reading_hdf5
from dsf_common.suggestions import suggestion
from dsf_export.sources.limited_hdf5 import LimitedReader
from dsf_export.sources.source_graph import SourceGraph, SourceNode

# Parameters of each kind that is covered; those after the bar may be missing.
KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Input": (("shape",), ()),
    "Output": (("shape",), ()),
    "Affine": (("weight", "bias"), ()),
    "Linear": (("weight",), ()),
    "Scale": (("scale",), ()),
    "Threshold": (("threshold",), ()),
    "Delay": (("delay",), ()),
    "Flatten": (("start_dim", "end_dim"), ("input_type",)),
    "Conv1d": (("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",)),
    "Conv2d": (("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",)),
    "SumPool2d": (("kernel_size", "stride", "padding"), ()),
    "AvgPool2d": (("kernel_size", "stride", "padding"), ()),
    "LIF": (("tau", "r", "v_leak", "v_threshold"), ("v_reset",)),
    "IF": (("r", "v_threshold"), ("v_reset",)),
    "LI": (("tau", "r", "v_leak"), ()),
    "CubaLIF": (("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ("w_in", "v_reset")),
    "CubaLI": (("tau_syn", "tau_mem", "r", "v_leak"), ("w_in",)),
}
GRAPH = "NIRGraph"
DEEPEST = 8
MOST_NODES = 10_000


def read_nir(path: Path) -> SourceGraph:
    """The graph of a NIR file.

    Raises
    ------
    UserError
        The file is damaged, or a node is not covered.
    """
    try:
        with reading_hdf5(path) as file:
            if "node" not in file:
                raise UserError(f"{path} has no NIR graph")
            reader = _GraphReader(LimitedReader(path), path)
            reader.add_graph(file["node"], prefix="", depth=0)
            return reader.graph()
    except (OSError, KeyError, RuntimeError, ValueError, AttributeError, TypeError) as problem:
        raise UserError(f"{path} is not a readable NIR file: it is damaged or cut short") from problem


class _GraphReader:
    def __init__(self, limited: LimitedReader, path: Path) -> None:
        self._limited, self._path = limited, path
        self._nodes: dict[str, SourceNode] = {}
        self._edges: list[tuple[str, str]] = []
        self._notes: list[str] = []
        self._through: set[str] = set()  # inputs and outputs of nested graphs

    def graph(self) -> SourceGraph:
        edges = list(dict.fromkeys(self._edges))
        if len(edges) < len(self._edges):
            self._notes.append(f"{len(self._edges) - len(edges)} duplicate edges count once")
        for name in self._through:
            edges = _bridged(edges, name)
            del self._nodes[name]
        known = [edge for edge in edges if all(end in self._nodes for end in edge)]
        if len(known) < len(edges):
            lost = ", ".join(f"{source} -> {target}" for source, target in edges if (source, target) not in known)
            raise UserError(f"{self._path}: edges name nodes that are not there: {lost}")
        return SourceGraph(self._nodes, tuple(known), tuple(self._notes))

    def add_graph(self, group: Any, prefix: str, depth: int) -> None:
        if depth > DEEPEST:
            raise UserError(f"{self._path}: graphs are nested more than {DEEPEST} deep")
        if not isinstance(group, h5py.Group) or not isinstance(group.get("nodes"), h5py.Group):
            raise UserError(f"{self._path}: {prefix or 'the graph'} has no nodes")
        names = list(group["nodes"])
        for name in names:
            self._add_node(group["nodes"][name], prefix + name, depth)
        edges = [(str(source), str(target)) for source, target in self._edge_table(group)]
        renamed = self._renamed(edges, names, prefix)
        nested = {name for name in names if self._is_graph(group["nodes"][name])}
        for source, target in edges:
            ends = (renamed.get(source, source), renamed.get(target, target))
            self._edges.append(
                (
                    prefix + ends[0] + (".output" if ends[0] in nested else ""),
                    prefix + ends[1] + (".input" if ends[1] in nested else ""),
                )
            )

    def _edge_table(self, group: Any) -> Any:
        if "edges" not in group or group["edges"].size == 0:
            raise UserError(f"{self._path}: a graph has no edges")
        edges = self._limited.texts(group["edges"], "edges")
        if edges.ndim != 2 or edges.shape[1] != 2:
            raise UserError(f"{self._path}: its edges are no pairs of names")
        return edges

    def _renamed(self, edges: list[tuple[str, str]], names: list[str], prefix: str) -> dict[str, str]:
        """Edges that name a node which is not there, where a single node has none: they mean that one."""
        named = {end for edge in edges for end in edge}
        missing, unused = sorted(named - set(names)), sorted(set(names) - named)
        if len(missing) == len(unused) == 1:
            self._notes.append(
                f"edges of {prefix.rstrip('.') or 'the graph'} name {missing[0]}, which is not there, and none names "
                f"{unused[0]}: taken for the same"
            )
            return {missing[0]: unused[0]}
        return {}

    def _is_graph(self, group: Any) -> bool:
        return isinstance(group, h5py.Group) and self._limited.text(group["type"], "a node's type") == GRAPH

    def _add_node(self, group: Any, name: str, depth: int) -> None:
        if len(self._nodes) >= MOST_NODES:
            raise UserError(f"{self._path}: it has more than {MOST_NODES} nodes")
        if not isinstance(group, h5py.Group) or "type" not in group:
            raise UserError(f"{self._path}: {name} is no node")
        kind = self._limited.text(group["type"], f"{name}/type")
        if kind == GRAPH:
            self.add_graph(group, f"{name}.", depth + 1)
            return
        if kind not in KINDS:
            raise UserError(f"{self._path}: {name} is a {kind}, which is not covered: {suggestion(kind, list(KINDS))}")
        needed, optional = KINDS[kind]
        for missing in (each for each in needed if each not in group):
            raise UserError(f"{self._path}: {name}, a {kind}, has no {missing}")
        if depth and kind in ("Input", "Output"):
            self._through.add(name)
        parameters = {
            each: self._parameter(group[each], f"{name}/{each}") for each in (*needed, *optional) if each in group
        }
        self._nodes[name] = SourceNode(name, kind, parameters)

    def _parameter(self, item: Any, what: str) -> Any:
        if what.endswith("/padding") and isinstance(item, h5py.Dataset) and item.dtype.kind in "OS":
            return np.array(self._limited.text(item, what))  # a padding may be "same" or "valid"
        return self._limited.array(item, what)


def _bridged(edges: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    """The edges without the node ``name``, its sources connected to its targets."""
    sources = [source for source, target in edges if target == name]
    targets = [target for source, target in edges if source == name]
    others = [edge for edge in edges if name not in edge]
    return others + [(source, target) for source in sources for target in targets]
