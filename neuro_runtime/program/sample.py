"""The program of a network that is given samples, numbers or spikes at every time step, and whose outputs are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.program.limits import INJECTION_LIMIT
from neuro_runtime.program.program import SpikingProgram

InputKind = Literal["spikes", "values"]
OutputKind = Literal["spikes", "membrane"]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HostMap:
    """One layer's current as the host computes it from values: ``i = A x + b``, in integers ``rint(i·scale)``.

    Values that are no spikes have no synapse on a chip, so the layers before the first neurons stay with the host.

    Attributes
    ----------
    node
        The :class:`~neuro_runtime.program.nodes.CurrentInput` that gets it.
    source_index, target_index, weight
        The entries of A that are not 0, (entries,).
    bias
        (targets,).
    delay
        Time steps by which it comes later, so that it meets spikes that had more hops to go.
    scale
        Integers for 1.0; 1 in a float program.
    largest
        The largest integers that calibration saw, (targets,), with a margin: what bounds are computed from.
    """

    node: str
    source_index: NDArray[np.int32]
    target_index: NDArray[np.int32]
    weight: Array
    bias: Array
    delay: int = 0
    scale: float = 1.0
    largest: Array = field(default_factory=lambda: np.zeros(0))

    def current(self, values: Array) -> Array:
        """The currents (steps, targets) of values (steps, features), each sum in the order of the entries."""
        current: Array = np.zeros((len(values), len(self.bias)))
        for row, given in zip(current, values, strict=True):
            np.add.at(row, self.target_index, self.weight * given[self.source_index])
        return current + self.bias

    def rows(self, values: Array, steps: int, *, integers: bool) -> NDArray[np.generic]:
        """The currents of ``values`` in each of ``steps`` time steps, (steps, targets): 0 before the delay is over."""
        rows = np.zeros((steps, len(self.bias)))
        current = self.current(values)[: max(steps - self.delay, 0)]
        rows[self.delay : self.delay + len(current)] = current
        return _integers(rows, self.scale) if integers else rows


@dataclass(frozen=True, eq=False)
class SampleEncoder:
    """How a sample becomes what the input nodes are given in each time step.

    Attributes
    ----------
    kind
        ``spikes``: 0 or 1, which go to the chip as they are; ``values``: numbers, which the ``maps`` turn into current.
    shape
        Shape of a time step's input.
    """

    kind: InputKind
    shape: tuple[int, ...]
    maps: tuple[HostMap, ...] = ()

    @property
    def features(self) -> int:
        """Numbers in a time step's input."""
        return math.prod(self.shape)

    def rows(self, sample: NDArray[np.generic], steps: int, *, integers: bool) -> NDArray[np.generic]:
        """The input nodes' rows in ``steps`` time steps, (steps, columns), of a sample of shape (n, *shape).

        A sample that is shorter is followed by silence.

        Raises
        ------
        UserError
            The sample has another shape or no time step, is not finite, or is no spikes where spikes are asked for.
        """
        given = self._checked(sample)
        if self.kind == "spikes":
            rows = np.zeros((steps, self.features), dtype=np.int64 if integers else np.float64)
            rows[: len(given)] = given[:steps]
            return rows
        return np.concatenate([host_map.rows(given, steps, integers=integers) for host_map in self.maps], axis=1)

    def _checked(self, sample: NDArray[np.generic]) -> Array:
        if sample.shape[1:] != self.shape or sample.ndim == 0:
            raise UserError(f"a sample must have the shape (time steps, {_listed(self.shape)}), got {sample.shape}")
        if not len(sample):
            raise UserError("a sample must have at least one time step")
        if sample.dtype.kind not in "fiub":
            raise UserError(f"a sample must be numbers, got {sample.dtype}")
        given = sample.reshape(len(sample), self.features).astype(np.float64)
        if not np.isfinite(given).all():
            raise UserError("a sample holds a number that is not finite")
        if self.kind == "spikes" and not ((given == 0) | (given == 1)).all():
            raise UserError(
                "this program takes spikes, 0 or 1 a time step, and the sample holds other numbers: export the network "
                "with input=values for them"
            )
        return given


@dataclass(frozen=True, eq=False)
class SampleOutput:
    """A group of neurons that is read.

    Attributes
    ----------
    node
        The program's node.
    quantity
        ``spikes``, or ``membrane``: v after each time step.
    places
        Where its neurons stand in the flat output, (neurons,).
    delay
        Time steps from an input to the output that belongs to it: hops between.
    inverse_scale
        Real value of one integer of v; 1 in a float program.
    """

    node: str
    quantity: OutputKind
    places: NDArray[np.int32]
    delay: int
    inverse_scale: float = 1.0


@dataclass(frozen=True, eq=False)
class SampleProgram(SpikingProgram):
    """A network that came from a file of another framework, as neurons.

    Every time step is active: state is carried on until a reset, which belongs before every sample.

    Attributes
    ----------
    encoder, outputs
        The host's parts; together the outputs fill ``output_shape``.
    name
        The network's, for reports.
    provenance
        Where it came from, and under which conventions it was read.
    """

    encoder: SampleEncoder
    outputs: tuple[SampleOutput, ...]
    output_shape: tuple[int, ...]
    name: str
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The network's name."""
        return self.name

    @property
    def host_macs(self) -> int:
        """Those of the layers that stay with the host, in all time steps."""
        return self.period * sum(len(host_map.weight) for host_map in self.encoder.maps)

    @property
    def holds_input(self) -> bool:
        """No: every time step has its own."""
        return False

    @property
    def latency(self) -> int:
        """Time steps from an input to the last output that belongs to it."""
        return max(output.delay for output in self.outputs)

    def largest_input(self, source: str) -> Array:
        """The largest currents of calibration, with a margin."""
        return next(host_map.largest for host_map in self.encoder.maps if host_map.node == source)

    def for_steps(self, steps: int) -> SampleProgram:
        """The same program, run ``steps`` time steps at a time."""
        return replace(self, active_steps=steps, period=steps)


def _integers(current: Array, scale: float) -> NDArray[np.int64]:
    return np.clip(np.rint(current * scale), -INJECTION_LIMIT, INJECTION_LIMIT).astype(np.int64)


def _listed(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
