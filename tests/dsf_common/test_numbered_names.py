"""One file for many names: which one serves a name, and what it says with the name's number."""

from __future__ import annotations

from typing import Any

import pytest

from dsf_common.numbered_names import member, serving_file, with_number

STEMS = ["pen-e", "t-maze-N", "t-maze-30"]


@pytest.mark.parametrize(
    ("name", "serving"),
    [
        ("pen-e", ("pen-e", None)),
        ("t-maze-10", ("t-maze-N", 10)),
        ("t-maze-30", ("t-maze-30", None)),  # a file of the very name goes first
        ("t-maze-N", None),
        ("t-maze-010", None),
        ("t-maze-", None),
        ("t-maze-1.5", None),
        ("t-maze--3", None),
        ("pen-30", None),
    ],
)
def test_serving_file(name: str, serving: tuple[str, int | None] | None) -> None:
    assert serving_file(name, STEMS) == serving


def test_a_member_is_served_by_its_family() -> None:
    assert serving_file(member("t-maze-N", 100), STEMS) == ("t-maze-N", 100)


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("N", 30),
        ("2N", 60),
        ("N + 2", 32),
        ("3N + 1", 91),
        ("None", "None"),
        ("N+2", "N+2"),
        ({"options": {"lengths": ["N", 5, True]}}, {"options": {"lengths": [30, 5, True]}}),
    ],
)
def test_with_number(value: Any, filled: Any) -> None:
    assert with_number(value, 30) == filled
