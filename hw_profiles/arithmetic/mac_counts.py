"""The operations and reads of one decision of an artificial neural network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MacCounts:
    """Counted work of one decision of an artificial neural network.

    Attributes
    ----------
    total
        Multiply-accumulates.
    attention
        Those of ``total`` that mix tokens: scores and weighted sums, without the projections.
    weights_read
        Weights, each fetched once a decision however many tokens use it.
    state_read, state_written
        Values kept from one decision to the next: cached keys and values.
    """

    total: float
    attention: float
    weights_read: float
    state_read: float = 0.0
    state_written: float = 0.0
