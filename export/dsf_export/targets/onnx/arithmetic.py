"""The interface of an arithmetic: how weights, currents and membranes of a program become operators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from dsf_export.targets.onnx.graph import GraphBuilder
from neuro_runtime.program.nodes import Convolution, Dense, Lif, Neurons


@dataclass(frozen=True)
class Membrane:
    """States of neurons, (1, size) each; None stands for 0."""

    current: str | None = None
    voltage: str | None = None


def geometry(connection: Convolution) -> dict[str, Any]:
    """A convolution's attributes, as ONNX names them."""
    return {
        "strides": connection.stride,
        "pads": (*connection.padding, *connection.padding),
        "dilations": connection.dilation,
        "group": connection.groups,
    }


class Arithmetic(ABC):
    """One of a program's two arithmetics.

    Attributes
    ----------
    spikes, state
        Types of a spike and of a state.
    """

    spikes: type
    state: type

    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph

    @abstractmethod
    def product(self, spikes: str, connection: Dense, name: str) -> str:
        """The currents that ``spikes``, (steps, sources), bring the targets, (steps, targets), exponent included.

        ``name`` is that of the connection's weights.
        """

    @abstractmethod
    def convolved(self, spikes: str, connection: Convolution, name: str) -> str:
        """The same of a convolution, of spikes (steps, channels, …) to targets (steps, channels, …)."""

    @abstractmethod
    def shifted(self, value: str, exponent: int) -> str:
        """``value·2^exponent``, floored."""

    @abstractmethod
    def constant(self, total: NDArray[Any]) -> str:
        """A constant of the type of a state."""

    @abstractmethod
    def shifted_weights(self, weight: NDArray[Any], exponent: int) -> NDArray[Any]:
        """``weight·2^exponent``, floored, of single weights."""

    @abstractmethod
    def forgets(self, lif: Lif, idle: int) -> bool:
        """Whether nothing is left of a membrane after ``idle`` time steps without current."""

    @abstractmethod
    def idle(self, lif: Lif, voltage: str | None, steps: int) -> str | None:
        """v after ``steps`` time steps in which u is 0."""

    @abstractmethod
    def update(self, node: Neurons, membrane: Membrane, arriving: str) -> Membrane:
        """A membrane after a time step with the current ``arriving``, (1, size), before its reset."""

    @abstractmethod
    def fires(self, lif: Lif, voltage: str) -> str:
        """Whether each neuron fires, a boolean."""

    @abstractmethod
    def summed(self, arriving: list[str]) -> str:
        """The sum that an accumulator holds after the time steps of each of ``arriving``, (steps, size), from 0 on."""

    @abstractmethod
    def sums_freely(self, node: Neurons) -> bool:
        """Whether an accumulator's sum is the same in any order, since nothing on the way can overflow."""

    def reset(self, voltage: str, fired: str) -> str:
        """v with 0 where a neuron fired."""
        return self.graph.op("Where", fired, self.graph.constant(0, self.state), voltage)

    def add(self, terms: list[str]) -> str:
        """The sum of ``terms``, at least one."""
        total = terms[0]
        for term in terms[1:]:
            total = self.graph.op("Add", total, term)
        return total
