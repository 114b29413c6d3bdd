"""In which order nodes can be stepped through a whole decision, one layer after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.program import SpikingProgram


@dataclass(frozen=True)
class Group:
    """Nodes that are stepped together; in a loop, a spike of theirs can come back to them within its decision."""

    names: tuple[str, ...]
    is_loop: bool


def stepping_groups(program: SpikingProgram) -> list[Group]:
    """Groups of nodes: each can run all its time steps of a decision once the groups before it have.

    A node that depends on earlier ones only is alone in its group; those in a loop share one. A synapse as slow as a
    decision depends on nothing of the present one.
    """
    names = [node.name for node in program.nodes if node.on_chip]
    acts = _acts(program, names)
    reaches = _closure(acts)
    earlier = reaches.sum(axis=0)  # the same all round a loop, and more for whoever comes later
    groups: dict[tuple[int, int], list[int]] = {}
    for n in range(len(names)):
        first_of_loop = int(np.argmax(reaches[n] & reaches[:, n]))
        groups.setdefault((int(earlier[n]), first_of_loop), []).append(n)
    return [
        Group(tuple(names[n] for n in members), is_loop=bool(acts[np.ix_(members, members)].any()))
        for _, members in sorted(groups.items())
    ]


def _acts(program: SpikingProgram, names: list[str]) -> NDArray[np.bool_]:
    """(source, target): whether a spike of the one arrives at the other within its own decision."""
    number = {name: n for n, name in enumerate(names)}
    acts = np.zeros((len(names), len(names)), dtype=np.bool_)
    for connection in program.weighted_connections:
        is_soon = np.min(connection.delay, initial=program.period) < program.period - 1
        acts[number[connection.source], number[connection.target]] |= is_soon
    return acts


def _closure(acts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The same by any path, and every node on itself."""
    reaches: NDArray[np.bool_] = acts | np.eye(len(acts), dtype=np.bool_)
    for middle in range(len(acts)):
        reaches |= reaches[:, middle, None] & reaches[middle]
    return reaches
