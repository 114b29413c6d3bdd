"""Synapses as weight matrices: what the connections with the same ends and the same delay weigh together.

A weight matrix may lie in a program as several connections with different exponents, so that small weights are not
rounded by the step that the largest one needs. All that counts, places, adds up or checks weights sees one matrix here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, assert_never

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.nodes import Connection, Dense, Sparse, Weighted
from neuro_runtime.program.program import SpikingProgram

Number = TypeVar("Number", bound=np.generic)


class Place(NamedTuple):
    """Where a matrix lies: from which node to which, and its delay in time steps."""

    source: str
    target: str
    delay: int


@dataclass(frozen=True, eq=False)
class WeightMatrix:
    """All synapses of one place: ``Σ_n parts[n]·2^exponents[n]``.

    Attributes
    ----------
    parts
        One matrix for each connection, (targets, sources).
    exponents
        The connections' powers of two.
    """

    parts: tuple[NDArray[Any], ...]
    exponents: tuple[int, ...]

    @property
    def total(self) -> NDArray[np.float64]:
        """The weights with their exponents multiplied in, (targets, sources)."""
        scaled = [part.astype(np.float64) * 2.0**power for part, power in zip(self.parts, self.exponents, strict=True)]
        total: NDArray[np.float64] = np.sum(scaled, axis=0)
        return total

    @property
    def finest_step(self) -> NDArray[np.float64]:
        """``2^exponent`` of each weight's finest part that is not 0; of the finest part of all where every one is 0."""
        powers = [2.0**exponent for exponent in self.exponents]
        steps = np.min(
            [np.where(part != 0, power, np.inf) for part, power in zip(self.parts, powers, strict=True)], axis=0
        )
        return np.where(np.isinf(steps), min(powers), steps)

    @property
    def synapses(self) -> NDArray[np.bool_]:
        """In which parts each weight has a synapse, (parts, targets, sources).

        It has one in every part that it is not 0 in, and at least one, since a matrix stores its zeros: a weight that
        is 0 in all parts takes the one most used in its row. A matrix of zeros has no synapses at all.
        """
        present = np.stack([part != 0 for part in self.parts])
        if not present.any():
            return present
        most_used = present.sum(axis=2).argmax(axis=0)  # of each row
        rows, columns = np.nonzero(~present.any(axis=0))
        present[most_used[rows], rows, columns] = True
        return present


def is_whole(connection: Weighted) -> bool:
    """Whether every integer weight is whole with its exponent multiplied in, so that no shift rounds."""
    return connection.exponent >= 0 or not (np.asarray(connection.weight) & ((1 << -connection.exponent) - 1)).any()


def dense_matrices(connections: Iterable[Connection]) -> dict[Place, WeightMatrix]:
    """The matrices that the dense connections among ``connections`` make, in their order."""
    parts: dict[Place, list[Dense]] = {}
    for connection in connections:
        if isinstance(connection, Dense):
            place = Place(connection.source, connection.target, connection.delay)
            parts.setdefault(place, []).append(connection)
    return {
        place: WeightMatrix(tuple(np.asarray(part.weight) for part in these), tuple(part.exponent for part in these))
        for place, these in parts.items()
    }


def weight_matrices(program: SpikingProgram, connections: Iterable[Weighted]) -> dict[Place, WeightMatrix]:
    """The matrices that ``connections`` of a program make, listed synapses filled up with zeros."""
    parts: dict[Place, list[tuple[NDArray[np.float64], int]]] = {}
    for connection in connections:
        shape = program.node(connection.target).size, program.node(connection.source).size
        for delay, matrix in matrix_of_each_delay(connection, shape, np.float64):
            place = Place(connection.source, connection.target, delay)
            parts.setdefault(place, []).append((matrix, connection.exponent))
    return {
        place: WeightMatrix(tuple(matrix for matrix, _ in these), tuple(exponent for _, exponent in these))
        for place, these in parts.items()
    }


def matrix_of_each_delay(
    connection: Weighted, shape: tuple[int, int], dtype: type[Number]
) -> Iterator[tuple[int, NDArray[Number]]]:
    """One connection as a delay and a weight matrix of ``shape`` (targets, sources) for each of its delays."""
    match connection:
        case Dense():
            yield connection.delay, connection.weight.astype(dtype)
        case Sparse():
            for delay in np.unique(connection.delay).tolist():
                mine = connection.delay == delay
                matrix = np.zeros(shape, dtype=dtype)
                np.add.at(
                    matrix, (connection.target_index[mine], connection.source_index[mine]), connection.weight[mine]
                )
                yield delay, matrix
        case _:
            assert_never(connection)
