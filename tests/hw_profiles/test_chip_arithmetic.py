"""A chip's integers: each limit, its evidence, and what a profile that says nothing leaves open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hw_profiles.capacity import Capacity
from hw_profiles.chip_arithmetic import ChipArithmetic, Extreme, bits_left, counted, nodes_of, standing
from hw_profiles.loader import load_profile
from hw_profiles.profile import Profile
from hw_profiles.report.arithmetic_answer import arithmetic_answer

LOIHI1, LAVA, LOIHI2 = map(load_profile, ("loihi1-davies2018", "lava-simulator", "loihi2"))


def arithmetic(profile: Profile) -> ChipArithmetic:
    assert profile.capacity is not None
    return ChipArithmetic.of(profile.capacity)


EXPONENT = Extreme("lif", "Dense a -> lif", "exponent", -2)
ARRIVAL = Extreme("lif", "lif", "arrival", 40_000, observed=30_000)
RESET = Extreme("lif", "lif", "reset", 3)


@pytest.mark.parametrize(
    ("extreme", "sentence"),
    [
        (EXPONENT, "Dense a -> lif: exponent -2 is below -1 (set)"),
        (Extreme("lif", "lif", "threshold", 0), "lif: threshold 0 is below 1 (set)"),
        (RESET, "lif: is reset at every decision's time step 3 (set)"),
        (ARRIVAL, "lif: arrival 40,000 is above 32,767 (bound; 30,000 observed)"),
        (replace(ARRIVAL, observed=None), "lif: arrival 40,000 is above 32,767 (bound)"),
        (replace(ARRIVAL, observed=35_000), "lif: arrival 35,000 is above 32,767 (observed)"),
        (Extreme("lif", "lif", "injection", 5000), "lif: injection 5,000 is above 4,095 (bound)"),
        (Extreme("lif", "lif", "injection", 9000, step=2), "lif: injection 9,000 is above 8,190 (bound)"),
        (Extreme("lif", "lif", "injection", 9000, step=8), "lif: injection 9,000 is above 8,190 (bound)"),
        (Extreme("lif", "lif", "voltage", 2**23), "lif: voltage 8,388,608 is above 8,388,607 (bound)"),
        (Extreme("sum", "sum", "voltage", 2**23 - 1, silent=True), "sum: voltage 8,388,607 is above 8,388,544 (bound)"),
    ],
)
def test_a_loihi_1_is_left_where_its_emulator_says(extreme: Extreme, sentence: str) -> None:
    assert list(map(str, arithmetic(LOIHI1).departures([extreme]))) == [sentence]


def test_what_is_inside_is_no_departure() -> None:
    inside = [
        replace(EXPONENT, bound=-1),
        replace(ARRIVAL, bound=2**15 - 1, observed=2**15 - 1),
        Extreme("lif", "lif", "injection", 8190, step=2),
        Extreme("lif", "lif", "current", 2**23 - 1),
    ]
    assert arithmetic(LOIHI1).departures(inside) == []


def test_lava_takes_what_a_loihi_1_does_not() -> None:
    assert arithmetic(LAVA).departures([EXPONENT, ARRIVAL, Extreme("lif", "lif", "threshold", 0), RESET]) == []


def test_a_graded_spike_is_as_wide_as_the_chip_says() -> None:
    wide = Extreme("sum", "sum", "graded spike", 2**23)
    assert arithmetic(LOIHI2).departures([replace(wide, bound=2**23 - 1)]) == []
    (beyond,) = arithmetic(LOIHI2).departures([wide])
    assert (beyond.limit, beyond.evidence) == (2**23 - 1, "set")
    assert arithmetic(LOIHI1).departures([replace(wide, bound=1)]) != []


def test_what_nothing_public_states_is_left_open() -> None:
    known = arithmetic(LOIHI2)
    assert known.departures([EXPONENT, ARRIVAL, RESET]) == []
    assert "accumulator bits" in known.unstated
    assert arithmetic(LOIHI1).unstated == arithmetic(LAVA).unstated == ()
    assert len(ChipArithmetic.of(Capacity()).unstated) == 10


def test_bits_left_are_doublings() -> None:
    assert bits_left(2**13, 2**15 - 1) == 2
    assert bits_left(2**16, 2**15 - 1) == -1


def test_departures_are_counted_by_kind() -> None:
    departures = arithmetic(LOIHI1).departures([EXPONENT, ARRIVAL, replace(ARRIVAL, node="other", where="other")])
    assert counted(departures) == "1 exponent (set), 2 arrival (bound)"
    assert nodes_of(departures) == 2


def test_a_report_says_how_far_the_arithmetic_is_known() -> None:
    extremes = [EXPONENT, ARRIVAL, Extreme("other", "other", "arrival", 2**13, observed=2**12)]
    loihi1, loihi2 = arithmetic_answer(LOIHI1, extremes), arithmetic_answer(LOIHI2, extremes)
    assert loihi1 is not None
    assert "leaves it at 1 of 2 nodes: 1 exponent (set), 1 arrival (bound)" in loihi1.sentence
    assert [(item.bits_proven, item.bits_observed) for item in loihi1.arrivals][1] == (2, 3)
    assert len(loihi1.departures) == 2
    assert loihi2 is not None
    assert "is inside it at all 2 nodes, proven. Nothing public states its smallest exponent" in loihi2.sentence
    assert all(item.bits_proven is None for item in loihi2.arrivals)


def test_a_program_is_inside_by_proof_or_as_far_as_observed_or_not_known_to_be() -> None:
    loihi1, inside = arithmetic(LOIHI1), Extreme("other", "other", "arrival", 2**13)
    assert standing(loihi1.departures([inside])) == "proven"
    assert standing(loihi1.departures([inside, ARRIVAL])) == "observed"
    for outside in (EXPONENT, replace(ARRIVAL, observed=None), replace(ARRIVAL, observed=35_000)):
        assert standing(loihi1.departures([ARRIVAL, outside])) == "outside"
    answer = arithmetic_answer(LOIHI1, [inside, ARRIVAL])
    assert answer is not None
    assert "is inside it at 1 of 2 nodes, proven, and at 1 as far as observed." in answer.sentence


def test_a_convention_and_a_run_that_does_not_say_have_no_arithmetic() -> None:
    assert arithmetic_answer(load_profile("cmos45-paper"), [ARRIVAL]) is None
    assert arithmetic_answer(LOIHI1, []) is None
