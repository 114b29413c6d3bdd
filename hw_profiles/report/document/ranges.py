"""A value with the range that its evidence or its episodes allow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """A nominal value between the lowest and the highest that the evidence allows."""

    nominal: float
    low: float
    high: float

    @property
    def is_exact(self) -> bool:
        """Whether the evidence gives one value only."""
        return self.low == self.high


@dataclass(frozen=True)
class Interval:
    """A mean over episodes and its 95 % confidence interval, which a single episode has none of."""

    mean: float
    low: float | None
    high: float | None
