"""The search for scales, on groups whose costs are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from dsf_common.errors import UserError
from dsf_export.quantise.scale_search import CANDIDATES, search_scales


@dataclass
class MadeUpGroup:
    """A group that is safe up to a scale and counts what it is asked."""

    name: str
    limit: int
    wrong: Callable[[int], int] = lambda scale: 0
    error: Callable[[int], float] = lambda scale: 0.0
    safe_up_to: int = 2**17
    takes_token: bool = False
    worst: float = 1.0
    widest_neuron: int = 7
    asked: list[int] = field(default_factory=list)

    def is_safe(self, scale: int, injected: int) -> bool:
        """Up to its own scale."""
        return scale <= self.safe_up_to

    def wrong_spikes(self, scale: int, injected: int) -> int:
        """As made up."""
        self.asked.append(scale)
        return self.wrong(scale)

    def current_error(self, scale: int, injected: int) -> float:
        """As made up."""
        return self.error(scale)


TOKEN = MadeUpGroup("token", limit=64, takes_token=True)


@pytest.mark.parametrize(
    ("group", "scale"),
    [
        (MadeUpGroup("fewest wrong spikes", 640, wrong=lambda scale: abs(scale - 500)), 500),
        (MadeUpGroup("a tie, by the current", 640, wrong=lambda s: s // 600, error=lambda s: abs(s - 400)), 400),
        (MadeUpGroup("a full tie, the lowest of the octave", 640), 330),
        (MadeUpGroup("spikes before currents", 640, wrong=lambda s: int(s != 340), error=float), 340),
        (MadeUpGroup("only what is safe", 640, wrong=lambda s: 1000 - s, safe_up_to=450), 450),
        (MadeUpGroup("the octave below", 640, wrong=lambda s: 1000 - s, safe_up_to=300), 300),
    ],
    ids=lambda value: value.name if isinstance(value, MadeUpGroup) else "",
)
def test_a_group_alone(group: MadeUpGroup, scale: int) -> None:
    scales = search_scales([group, TOKEN])
    assert scales.of[group.name] == scale
    assert len(group.asked) <= CANDIDATES


def test_readers_of_the_token_differ_by_powers_of_two_and_are_judged_together() -> None:
    one = MadeUpGroup("one", 64, wrong=lambda scale: 5 * abs(scale - 60), takes_token=True)
    two = MadeUpGroup("two", 300, wrong=lambda scale: abs(scale - 4 * 50), takes_token=True)
    scales = search_scales([one, two])
    assert (scales.of, scales.injected) == ({"one": 60, "two": 240}, 60)


def test_no_group_is_run_once_those_before_it_are_worse_than_the_best() -> None:
    one = MadeUpGroup("one", 64, wrong=lambda scale: 0 if scale == 33 else 1, takes_token=True)
    two = MadeUpGroup("two", 64, takes_token=True)
    search_scales([one, two])
    assert (len(one.asked), two.asked) == (CANDIDATES, [33])


def test_a_group_that_no_scale_suits_is_named() -> None:
    with pytest.raises(UserError, match=r"huge adds up currents of as much as 1e.* neuron 7"):
        search_scales([MadeUpGroup("huge", 640, safe_up_to=0, worst=1e9), TOKEN])
