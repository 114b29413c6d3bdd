"""The range of an environment's actions, in its own unit: torques, forces, voltages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ActionBounds:
    """The least and the largest action; a policy's −1 … 1 stands for them.

    Attributes
    ----------
    low, high
        (action_size,), in the environment's own unit.

    Raises
    ------
    UserError
        They differ in number, one is not finite, or a lower one is not below its upper one.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high):
            raise UserError(f"{len(self.low)} lower bounds of actions do not go with {len(self.high)} upper ones")
        for low, high in zip(self.low, self.high, strict=True):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise UserError(f"actions cannot be from {low:g} to {high:g}")

    @classmethod
    def unit(cls, action_size: int) -> ActionBounds:
        """−1 … 1, a policy's own."""
        return cls((-1.0,) * action_size, (1.0,) * action_size)

    @classmethod
    def of(cls, low: Sequence[float] | NDArray[Any], high: Sequence[float] | NDArray[Any]) -> ActionBounds:
        """The bounds of two vectors."""
        return cls(tuple(map(float, low)), tuple(map(float, high)))

    def repeated(self, action_size: int) -> ActionBounds:
        """One pair of bounds for each of ``action_size`` actions; several stay as they are."""
        return ActionBounds(self.low * action_size, self.high * action_size) if len(self.low) == 1 else self

    @property
    def are_unit(self) -> bool:
        """Whether they are −1 … 1, so that nothing is to be rescaled."""
        return self == ActionBounds.unit(len(self.low))

    def are_close_to(self, other: ActionBounds) -> bool:
        """Whether they are those of ``other`` up to float32's rounding."""
        return bool(np.allclose(self.low, other.low) and np.allclose(self.high, other.high))

    def from_unit(self, actions: NDArray[Any]) -> Array:
        """``low + (a + 1)(high − low)/2``, (…, action_size), of actions in −1 … 1."""
        low, high = np.array(self.low), np.array(self.high)
        return np.asarray((low + high) / 2 + actions * ((high - low) / 2), dtype=np.float64)

    def to_unit(self, actions: NDArray[Any]) -> Array:
        """``2(a − low)/(high − low) − 1``, (…, action_size), of actions in the environment's unit."""
        low, high = np.array(self.low), np.array(self.high)
        return np.asarray((actions - (low + high) / 2) / ((high - low) / 2), dtype=np.float64)

    def __str__(self) -> str:
        """Such as ``−2 … 2``."""
        pairs = dict.fromkeys(f"{low:g} … {high:g}" for low, high in zip(self.low, self.high, strict=True))
        return ", ".join(pairs).replace("-", "−")
