"""The range of an environment's actions, in its own unit (torques, forces, voltages), or its choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
    first_choice
        Where it is given, the environment takes one of action_size whole numbers from this one on, and a policy
        chooses by its largest entry.

    Raises
    ------
    UserError
        They differ in number, one is not finite, or a lower one is not below its upper one.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    first_choice: int | None = None

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
    def choices(cls, count: int, first: int) -> ActionBounds:
        """One of ``count`` whole numbers from ``first`` on: the place of the largest of a policy's −1 … 1."""
        return cls((-1.0,) * count, (1.0,) * count, first)

    @classmethod
    def of(
        cls,
        low: Sequence[float] | NDArray[Any],
        high: Sequence[float] | NDArray[Any],
        first_choice: int | None = None,
    ) -> ActionBounds:
        """The bounds of two vectors."""
        return cls(tuple(map(float, low)), tuple(map(float, high)), first_choice)

    def plain(self) -> dict[str, Any]:
        """As files have them: what :meth:`of` takes."""
        choice = {} if self.first_choice is None else {"first_choice": self.first_choice}
        return {"low": list(self.low), "high": list(self.high), **choice}

    def repeated(self, action_size: int) -> ActionBounds:
        """One pair of bounds for each of ``action_size`` actions; several stay as they are."""
        return ActionBounds(self.low * action_size, self.high * action_size) if len(self.low) == 1 else self

    @property
    def are_unit(self) -> bool:
        """Whether they are −1 … 1, so that nothing is to be rescaled."""
        return self == ActionBounds.unit(len(self.low))

    def are_close_to(self, other: ActionBounds) -> bool:
        """Whether they are those of ``other`` up to float32's rounding."""
        close = np.allclose(self.low, other.low) and np.allclose(self.high, other.high)
        return bool(close and self.first_choice == other.first_choice)

    @cached_property
    def _middle_and_half(self) -> tuple[Array, Array]:
        """The action that 0 stands for, and what 1 adds to it, (action_size,) each."""
        low, high = np.array(self.low), np.array(self.high)
        return (low + high) / 2, (high - low) / 2

    def from_unit(self, actions: NDArray[Any]) -> NDArray[Any]:
        """``low + (a + 1)(high − low)/2``, (…, action_size), of actions in −1 … 1; of choices, int64 of shape (…)."""
        if self.first_choice is not None:
            return np.asarray(self.first_choice + np.argmax(actions, axis=-1))
        middle, half = self._middle_and_half
        return np.asarray(middle + actions * half, dtype=np.float64)

    def remembered(self, actions: NDArray[Any]) -> NDArray[Any]:
        """The previous action that a policy's next token tells, (…, action_size), as its data have it.

        It is the action itself; of choices, 1 for the one that was made and −1 for the others.
        """
        if self.first_choice is None:
            return actions
        made = np.arange(len(self.low)) == np.argmax(actions, axis=-1)[..., None]
        return np.where(made, 1.0, -1.0).astype(actions.dtype)

    def to_unit(self, actions: NDArray[Any]) -> Array:
        """``2(a − low)/(high − low) − 1``, (…, action_size), of actions in the environment's unit."""
        middle, half = self._middle_and_half
        return np.asarray((actions - middle) / half, dtype=np.float64)

    def __str__(self) -> str:
        """Such as ``−2 … 2``."""
        if self.first_choice is not None:
            return f"one of {self.first_choice} … {self.first_choice + len(self.low) - 1}".replace("-", "−")
        pairs = dict.fromkeys(f"{low:g} … {high:g}" for low, high in zip(self.low, self.high, strict=True))
        return ", ".join(pairs).replace("-", "−")
