"""The interface of a simulator: it runs a program's neurons, and can tell each one's spikes and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]  # int64 in loihi arithmetic, float64 in float
Raster = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NeuronRecording:
    """Every spike and state of one decision; node name -> (period, size)."""

    spikes: dict[str, Raster]  # of the nodes that spike
    currents: dict[str, Values]  # u of the nodes that have states, after the step
    voltages: dict[str, Values]  # v likewise


@dataclass(frozen=True, eq=False)
class SimulatedDecision:
    """The outcome of one decision of a program.

    Attributes
    ----------
    accumulator
        The accumulator's v after the last time step, (action_size,).
    spikes
        Spikes each spiking node emitted.
    recording
        Every spike and state, where asked for.
    """

    accumulator: Values
    spikes: dict[str, int]
    recording: NeuronRecording | None


class Simulator(Protocol):
    """Runs a program's neurons: the interpreter, loihi-fast, or a session with Lava or a chip."""

    def reset(self) -> None:
        """Forget everything: states, and spikes in flight."""
        ...

    def decide(self, current: Values, record: bool = False) -> SimulatedDecision:
        """Run one decision's time steps; ``record`` asks for every spike and state.

        ``current`` (D,) is the token's, real or integer, as the program's arithmetic asks.
        """
        ...
