"""How many integers stand for 1.0 of a neuron group's current: the choice, whoever runs the groups.

Doubling a unit raises every exponent by one and changes next to nothing, so the choice is one octave of units, the
highest that can overflow no state. In it, the unit with the fewest wrong spikes is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dsf_common.errors import UserError
from neuro_runtime.loihi_arithmetic import CURRENT_SHIFT, STATE_LIMIT

LARGEST_CURRENT: float = (STATE_LIMIT - 1) / 2**CURRENT_SHIFT
CANDIDATES = 32
SMALLEST_UNIT = 2


@dataclass(frozen=True, order=True)
class Cost:
    """What is wrong with a unit; currents decide between units with the same number of wrong spikes."""

    spikes: int
    current: float


class Candidate(Protocol):
    """A group whose unit is to be chosen."""

    @property
    def name(self) -> str:
        """Of the group, for messages."""

    @property
    def worst(self) -> float:
        """Its largest possible current, in thresholds."""

    @property
    def limit(self) -> int:
        """No unit above this is safe."""

    def is_safe(self, unit: int) -> bool:
        """Whether its rounded weights can overflow nothing."""

    def cost(self, unit: int, injected: int) -> Cost:
        """Of its rounded weights, where the token's current has ``injected`` integers for 1.0."""


def best_units(groups: Sequence[Candidate]) -> list[int]:
    """Units of groups that must differ by powers of two, with the least summed cost.

    Raises
    ------
    UserError
        A group's currents, added up, span more than 24 bits hold.
    """
    top = min(group.limit for group in groups)
    while top >= SMALLEST_UNIT:
        bases = np.unique(np.linspace(top, top / 2, CANDIDATES, endpoint=False).astype(int))
        choices = [units for base in bases if (units := _units(groups, int(base))) is not None]
        if choices:
            return min(choices, key=lambda units: _summed(groups, units))
        top //= 2
    widest = max(groups, key=lambda group: group.worst)
    raise UserError(
        f"{widest.name} adds up currents of as much as {widest.worst:.3g} thresholds, too much for Loihi's 24-bit "
        f"state (limit {LARGEST_CURRENT / SMALLEST_UNIT:.0f}); train with a larger weight_decay."
    )


def _units(groups: Sequence[Candidate], base: int) -> list[int] | None:
    units = [_highest(group, base) for group in groups]
    return None if None in units else [unit for unit in units if unit is not None]


def _highest(group: Candidate, base: int) -> int | None:
    """The largest of ``base`` times a power of two that can overflow nothing; none if ``base`` itself can."""
    unit = base << ((group.limit // base).bit_length() - 1) if base <= group.limit else base
    while unit >= base:
        if group.is_safe(unit):
            return unit
        unit //= 2
    return None


def _summed(groups: Sequence[Candidate], units: Sequence[int]) -> Cost:
    costs = [group.cost(unit, min(units)) for group, unit in zip(groups, units, strict=True)]
    return Cost(sum(cost.spikes for cost in costs), sum(cost.current for cost in costs))
