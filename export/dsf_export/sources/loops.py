"""Which edges of a recurrent graph bring what was sent one time step before: found by how the graph hangs together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dsf_common.errors import UserError
from dsf_export.sources.neuron_steps import NEURONS
from dsf_export.sources.source_graph import SourceGraph

Edge = tuple[str, str]


def looping_edges(graph: SourceGraph) -> frozenset[Edge]:
    """The edges with a step of delay: in each loop, those by which spikes leave neurons back to the loop's entry.

    A loop's entry is its node nearest to the input, in hops. The step is taken where spikes leave neurons, so that what
    lies between (a matrix, its bias) acts in every time step. A name plays no part in it.

    Raises
    ------
    UserError
        Two nodes of a loop are equally near, or no neurons lie in it.
    """
    distance = _distances(graph)
    kept = set(graph.edges)
    chosen: set[Edge] = set()
    while loop := _a_loop(graph.nodes, kept):
        inside = {edge for edge in kept if edge[0] in loop and edge[1] in loop}
        entry = _entry(loop, distance)
        delays = {name for name in loop if graph.nodes[name].kind == "Delay"}
        leaving = _leaving(graph, inside, entry, delays)
        if not leaving:
            raise UserError(
                f"the loop of {', '.join(sorted(loop))} holds no neurons and no delay, so it has no time step"
            )
        chosen |= leaving
        kept -= leaving
    return frozenset(chosen)


def order(graph: SourceGraph, looping: Iterable[Edge]) -> list[str]:
    """The nodes, each after its sources; among several that are free, the first by name."""
    without = set(graph.edges) - set(looping)
    waiting = {name: {source for source, target in without if target == name} for name in graph.nodes}
    ordered: list[str] = []
    while waiting:
        free = sorted(name for name, sources in waiting.items() if not sources & waiting.keys())
        ordered += free
        for name in free:
            del waiting[name]
    return ordered


def _leaving(graph: SourceGraph, inside: set[Edge], entry: str, delays: set[str]) -> set[Edge]:
    """The edges out of neurons (or into delays) from which the entry is reached without passing others."""
    carrying: set[Edge] = set()
    seen, to_visit = {entry}, [entry]
    while to_visit:
        name = to_visit.pop()
        for source, target in inside:
            if target != name:
                continue
            if graph.nodes[source].kind in NEURONS or target in delays:
                carrying.add((source, target))
            elif source not in seen:
                seen.add(source)
                to_visit.append(source)
    return carrying


def _entry(loop: set[str], distance: Mapping[str, int]) -> str:
    nearest = min(distance.get(name, 10**9) for name in loop)
    entries = sorted(name for name in loop if distance.get(name, 10**9) == nearest)
    if len(entries) > 1:
        raise UserError(
            f"the loop of {', '.join(sorted(loop))} can be entered at {' and at '.join(entries)} alike, so the file "
            "does not say where its time step is taken; put a Delay of one step into it"
        )
    return entries[0]


def _distances(graph: SourceGraph) -> dict[str, int]:
    distance = {node.name: 0 for node in graph.of_kind("Input")}
    frontier = list(distance)
    while frontier:
        reached = {target for source, target in graph.edges if source in frontier and target not in distance}
        for name in reached:
            distance[name] = distance[frontier[0]] + 1
        frontier = sorted(reached)
    return distance


def _a_loop(nodes: Iterable[str], edges: set[Edge]) -> set[str]:
    """The nodes of one strongly connected component that holds a loop; none where there is none."""
    names = sorted(nodes)
    forward = {name: {target for source, target in edges if source == name} for name in names}
    for name in names:
        ahead = _reached(name, forward)
        if name in ahead:
            return {other for other in ahead if name in _reached(other, forward)}
    return set()


def _reached(start: str, forward: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    frontier = {start}
    while frontier := {target for name in frontier for target in forward[name]} - reached:
        reached |= frontier
    return reached
