"""How large the states of a running program have been, against the 24 bits that Loihi has for them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from neuro_runtime.program.limits import STATE_LIMIT


@dataclass(frozen=True)
class StatePeaks:
    """The largest magnitudes that a node's states have had, before a wrap, a saturation or a reset took them back.

    Attributes
    ----------
    current, voltage
        |u| and |v|; above ``limit`` they did not fit 24 bits, and the program is not to be trusted.
    """

    node: str
    current: int
    voltage: int
    limit: int = STATE_LIMIT - 1

    @property
    def bits_left(self) -> float:
        """How often the larger of the two could have doubled; negative where it did not fit."""
        return math.log2(self.limit / max(self.current, self.voltage, 1))

    def or_larger(self, other: StatePeaks) -> StatePeaks:
        """The larger magnitudes of this and another simulation of the same program."""
        return replace(self, current=max(self.current, other.current), voltage=max(self.voltage, other.voltage))


@runtime_checkable
class WatchesStates(Protocol):
    """A backend that knows how large the states have been."""

    @property
    def state_peaks(self) -> list[StatePeaks]: ...
