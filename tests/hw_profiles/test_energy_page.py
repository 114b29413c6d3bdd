"""docs/energy.md works a layer by hand: its prices must be the profile's, and its products must be right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hw_profiles.chip_events import EVENTS
from hw_profiles.loader import load_profile

PAGE = (Path(__file__).parents[2] / "docs" / "energy.md").read_text(encoding="utf-8")
BAND = r"([\d,.]+) \(([\d,.]+) … ([\d,.]+)\)"
ROWS = re.findall(rf"^\| ([^|]+) \| ([\d,.]+) \| {BAND} \| {BAND} \|$", PAGE, flags=re.MULTILINE)
TOTAL = re.search(rf"^\| all \| \| \| {BAND} \|$", PAGE, flags=re.MULTILINE)


def numbers(texts: tuple[str, ...]) -> list[float]:
    return [float(text.replace(",", "")) for text in texts]


def test_there_is_a_layer_with_all_its_terms() -> None:
    assert len(ROWS) >= 6
    assert {row[0] for row in ROWS} <= set(EVENTS.values())


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_prices_are_the_profiles_and_products_are_right(row: tuple[str, ...]) -> None:
    key = next(key for key, term in EVENTS.items() if term == row[0])
    figure = getattr(load_profile("loihi1-measured").energy, key)
    count, *values = numbers(row[1:])
    assert values[:3] == [figure.value, *figure.band]
    assert values[3:] == pytest.approx([count * price / 1000 for price in values[:3]], abs=0.006, rel=2e-5)


def test_the_terms_add_up() -> None:
    assert TOTAL is not None
    columns = zip(*(numbers(row[5:]) for row in ROWS), strict=True)
    assert numbers(TOTAL.groups()) == pytest.approx([sum(column) for column in columns], abs=0.03)
