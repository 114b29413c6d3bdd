"""The search for scales, whoever runs the groups: the exporter on recorded activity, or training on a batch.

Doubling a scale raises every exponent by one and changes next to nothing, so the choice is one octave of scales, the
highest that can overflow no state. In it, the scale with the fewest wrong spikes is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from dsf_common.errors import UserError
from dsf_models.quantisation import Scales
from neuro_runtime.program.limits import CURRENT_SHIFT, STATE_LIMIT

LARGEST_CURRENT: float = (STATE_LIMIT - 1) / 2**CURRENT_SHIFT
CANDIDATES = 32
SMALLEST_SCALE = 2


class Group(Protocol):
    """A group whose scale is to be chosen."""

    @property
    def name(self) -> str:
        """The group's name, for messages."""

    @property
    def worst(self) -> float:
        """Its largest possible current, in thresholds."""

    @property
    def widest_neuron(self) -> int:
        """The neuron that it can reach."""

    @property
    def takes_token(self) -> bool:
        """Whether the token's current is injected into it."""

    @property
    def limit(self) -> int:
        """No scale above this is safe."""

    def is_safe(self, scale: int, injected: int) -> bool:
        """Whether its rounded weights, and the token's current in ``injected``, can exceed nothing."""

    def wrong_spikes(self, scale: int, injected: int) -> int:
        """How many spikes its rounded weights get wrong; ``injected`` is the scale of the token's current."""

    def current_error(self, scale: int, injected: int) -> float:
        """The squared error of its current by its rounded weights."""


def search_scales(groups: Sequence[Group]) -> Scales:
    """The scales of all groups of a program.

    Groups that the token is injected into differ by powers of two, since the host sends one integer for all of them.

    Raises
    ------
    UserError
        A group's currents, added up, span more than 24 bits hold.
    """
    readers = [group for group in groups if group.takes_token]
    scales = {group.name: best_scales([group])[0] for group in groups if not group.takes_token}
    shared = best_scales(readers)
    scales |= {group.name: scale for group, scale in zip(readers, shared, strict=True)}
    return Scales(scales, injected=min(shared))


def best_scales(groups: Sequence[Group]) -> list[int]:
    """Scales of groups that must differ by powers of two, with the fewest wrong spikes in all.

    The error of the currents decides between scales with the same number of wrong spikes.

    Raises
    ------
    UserError
        A group's currents, added up, span more than 24 bits hold.
    """
    top = min(group.limit for group in groups)
    while top >= SMALLEST_SCALE:
        bases = np.unique(np.linspace(top, top / 2, CANDIDATES, endpoint=False).astype(int))
        best = _fewest_wrong_spikes(groups, bases.tolist())
        if best:
            return best[0] if len(best) == 1 else min(best, key=lambda scales: _current_error(groups, scales))
        top //= 2
    widest = max(groups, key=lambda group: group.worst)
    raise UserError(
        f"{widest.name} adds up currents of as much as {widest.worst:.3g} thresholds in its neuron "
        f"{widest.widest_neuron}, more than the chip's integers hold beside a threshold of {SMALLEST_SCALE}; train "
        "with a larger weight_decay, or with a larger model.threshold where that is far below its default."
    )


def _fewest_wrong_spikes(groups: Sequence[Group], bases: Sequence[int]) -> list[list[int]]:
    """All choices of safe scales that get the same, least number of spikes wrong."""
    best: list[list[int]] = []
    fewest: float = math.inf
    for base in bases:
        scales = _scales(groups, base)
        if scales is None:
            continue
        wrong = _wrong_spikes(groups, scales, fewest)
        if wrong < fewest:
            best, fewest = [], wrong
        if wrong == fewest:
            best.append(scales)
    return best


def _scales(groups: Sequence[Group], base: int) -> list[int] | None:
    """The highest safe scale of each group, ``base`` times a power of two; none if a group has none.

    The token's current comes in the least of them. A chip's bias holds more of it shifted than as it comes, so a group
    that is safe beside a smaller scale need not be where its own is the least. The first one gives way.
    """
    scales = [largest_multiple(base, group.limit) for group in groups]
    while min(scales) >= base:
        injected = min(scales)
        unsafe = next((n for n, group in enumerate(groups) if not group.is_safe(scales[n], injected)), None)
        if unsafe is None:
            return scales
        scales[unsafe] //= 2
    return None


def largest_multiple(base: int, limit: int) -> int:
    """The largest multiple of ``base`` by a power of two up to ``limit``; ``base`` itself where that is beyond it."""
    return base << max((limit // base).bit_length() - 1, 0)


def _wrong_spikes(groups: Sequence[Group], scales: Sequence[int], at_most: float) -> int:
    """The wrong spikes of all groups together, counted no further than beyond ``at_most``."""
    wrong = 0
    for group, scale in zip(groups, scales, strict=True):
        wrong += group.wrong_spikes(scale, min(scales))
        if wrong > at_most:
            break
    return wrong


def _current_error(groups: Sequence[Group], scales: Sequence[int]) -> float:
    return sum(group.current_error(scale, min(scales)) for group, scale in zip(groups, scales, strict=True))
