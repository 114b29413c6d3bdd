"""Numbers, looked at before they act."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neuro_runtime.finite import FEW, all_finite, real_number, real_numbers, truth


@pytest.mark.parametrize("size", [1, FEW, FEW + 1, 100])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_found_wherever_it_stands(size: int, value: float) -> None:
    numbers = np.full(size, 1e308)
    assert all_finite(numbers)
    assert all_finite(np.zeros(size, np.int64))
    for place in (0, size // 2, size - 1):
        wrong = numbers.copy()
        wrong[place] = value
        assert not all_finite(wrong)
        assert not all_finite(wrong[None])


@pytest.mark.parametrize("value", [1, 1.0, True, np.float16(1), np.int64(1), np.array(1)])
def test_a_number_is_a_number_in_any_type(value: Any) -> None:
    assert real_number(value) == 1.0
    assert truth(value) is True


@pytest.mark.parametrize("value", ["1", None, 1j, [1.0, 2.0], 10**400, b"1", np.array(["1"]), {}])
def test_what_is_no_number_is_none(value: Any) -> None:
    assert real_number(value) is None
    assert truth(value) is None
    assert real_numbers([1.0, value]) is None


def test_numbers_come_in_float64() -> None:
    numbers = real_numbers([np.float32(0.5), 2])
    assert numbers is not None
    assert numbers.dtype == np.float64
    assert real_numbers(np.ma.array([1.0], mask=[False])) is not None
    assert [truth(value) for value in (0, 2, 0.5, np.nan, np.array([True]))] == [False, None, None, None, True]
