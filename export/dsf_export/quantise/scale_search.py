"""How many integers stand for 1.0 of a neuron group's current: the choice, whoever runs the groups.

Doubling a scale raises every exponent by one and changes next to nothing, so the choice is one octave of scales, the
highest that can overflow no state. In it, the scale with the fewest wrong spikes is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dsf_common.errors import UserError
from neuro_runtime.program.limits import CURRENT_SHIFT, STATE_LIMIT

LARGEST_CURRENT: float = (STATE_LIMIT - 1) / 2**CURRENT_SHIFT
CANDIDATES = 32
SMALLEST_SCALE = 2


@dataclass(frozen=True, order=True)
class Cost:
    """What is wrong with a scale; currents decide between scales with the same number of wrong spikes."""

    spikes: int
    current: float


class Candidate(Protocol):
    """A group whose scale is to be chosen."""

    @property
    def name(self) -> str:
        """Of the group, for messages."""

    @property
    def worst(self) -> float:
        """Its largest possible current, in thresholds."""

    @property
    def limit(self) -> int:
        """No scale above this is safe."""

    def is_safe(self, scale: int) -> bool:
        """Whether its rounded weights can overflow nothing."""

    def cost(self, scale: int, injected: int) -> Cost:
        """Of its rounded weights, where the token's current has ``injected`` integers for 1.0."""


def best_scales(groups: Sequence[Candidate]) -> list[int]:
    """Scales of groups that must differ by powers of two, with the least summed cost.

    Raises
    ------
    UserError
        A group's currents, added up, span more than 24 bits hold.
    """
    top = min(group.limit for group in groups)
    while top >= SMALLEST_SCALE:
        bases = np.unique(np.linspace(top, top / 2, CANDIDATES, endpoint=False).astype(int))
        choices = [scales for base in bases if (scales := _scales(groups, int(base))) is not None]
        if choices:
            return min(choices, key=lambda scales: _summed(groups, scales))
        top //= 2
    widest = max(groups, key=lambda group: group.worst)
    raise UserError(
        f"{widest.name} adds up currents of as much as {widest.worst:.3g} thresholds, too much for Loihi's 24-bit "
        f"state (limit {LARGEST_CURRENT / SMALLEST_SCALE:.0f}); train with a larger weight_decay."
    )


def _scales(groups: Sequence[Candidate], base: int) -> list[int] | None:
    scales = [_highest(group, base) for group in groups]
    return None if None in scales else [scale for scale in scales if scale is not None]


def _highest(group: Candidate, base: int) -> int | None:
    """The largest of ``base`` times a power of two that can overflow nothing; none if ``base`` itself can."""
    scale = base << ((group.limit // base).bit_length() - 1) if base <= group.limit else base
    while scale >= base:
        if group.is_safe(scale):
            return scale
        scale //= 2
    return None


def _summed(groups: Sequence[Candidate], scales: Sequence[int]) -> Cost:
    costs = [group.cost(scale, min(scales)) for group, scale in zip(groups, scales, strict=True)]
    return Cost(sum(cost.spikes for cost in costs), sum(cost.current for cost in costs))
