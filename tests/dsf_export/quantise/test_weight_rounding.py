"""The rounding of weights: on Loihi's grid, as near as that has, and at rest on what is on the grid already."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsf_common.errors import UserError
from dsf_export.quantise.weight_rounding import round_weight
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.weight_format import WeightFormat

WEIGHTS = arrays(np.float64, (3, 4), elements=st.floats(-50, 50, allow_nan=False, allow_subnormal=False))
SCALES = st.integers(2, 2**17 - 1)
BITS = st.integers(2, 8)
LAVA, PORTABLE = Chip.lava, Chip.portable


@settings(deadline=None)
@given(weight=WEIGHTS, scale=SCALES, bits=BITS, exponents=st.integers(1, 8), chip=st.sampled_from([LAVA, PORTABLE]))
def test_every_mantissa_is_one_of_its_width_and_the_nearest(
    weight: np.ndarray, scale: int, bits: int, exponents: int, chip: Chip
) -> None:
    rounded = round_weight(weight, scale, WeightFormat(bits, exponents, chip))
    step = 2 ** (9 - bits)  # Lava: t = 8 − bits + 1 low bits are cleared
    assert set(np.unique(rounded.mantissa)) <= set(range(-256, 256, step))
    spacing = step * 2.0**rounded.exponent
    assert (np.abs(rounded.mantissa * 2.0**rounded.exponent - weight * scale) <= spacing / 2 * (1 + 1e-12)).all()
    assert len(np.unique(rounded.exponent)) <= exponents
    if chip is LAVA:
        assert rounded.exponent.max() - rounded.exponent.min() < exponents
    else:
        assert (rounded.mantissa * 2.0**rounded.exponent % 1 == 0).all()


@settings(deadline=None)
@given(weight=WEIGHTS, scale=SCALES, bits=BITS)
def test_no_exponent_is_coarser_than_it_must_be(weight: np.ndarray, scale: int, bits: int) -> None:
    rounded = round_weight(weight, scale, WeightFormat(bits, 3, LAVA))
    step, coarsest = 2 ** (9 - bits), int(rounded.exponent.max())
    scaled = weight * scale

    def out_of_range(value: float, exponent: int) -> bool:
        return not -256 <= step * np.rint(value / 2.0**exponent / step) <= 256 - step

    if coarsest > -8 and rounded.mantissa.any():
        assert any(out_of_range(value, coarsest - 1) for value in scaled.flat)
    for value, exponent in zip(scaled.flat, rounded.exponent.flat, strict=True):
        if exponent > max(coarsest - 2, 0):
            assert out_of_range(value, int(exponent) - 1)


@settings(deadline=None)
@given(weight=WEIGHTS, scale=SCALES, bits=BITS, exponents=st.integers(1, 8), chip=st.sampled_from([LAVA, PORTABLE]))
def test_what_is_on_the_grid_stays_as_it_is(
    weight: np.ndarray, scale: int, bits: int, exponents: int, chip: Chip
) -> None:
    weight_format = WeightFormat(bits, exponents, chip)
    once = round_weight(weight, scale, weight_format).value
    np.testing.assert_allclose(round_weight(once, scale, weight_format).value, once, rtol=1e-12, atol=0)


@settings(deadline=None)
@given(weight=WEIGHTS, scale=SCALES, bits=BITS, exponents=st.integers(1, 8))
def test_no_other_exponents_round_with_less_error(weight: np.ndarray, scale: int, bits: int, exponents: int) -> None:
    """Beside those that follow each other from the coarsest down."""
    rounded, following = (round_weight(weight, scale, WeightFormat(bits, exponents, chip)) for chip in (PORTABLE, LAVA))
    if following.exponent.min() >= 0:
        errors = [float(((made.value - weight) ** 2).sum()) for made in (rounded, following)]
        assert errors[0] <= errors[1] * (1 + 1e-4) + 1e-12


def test_an_outlier_has_an_exponent_of_its_own() -> None:
    weight = np.array([100.0, 1.01, 0.1, 0.01, -0.02])
    rounded = round_weight(weight, 256, WeightFormat(8, 3))
    assert rounded.exponent.tolist() == [7, 1, -1, -1, -1]
    np.testing.assert_allclose(rounded.value[1:], weight[1:], atol=2 / 256)
    following = round_weight(weight, 256, WeightFormat(8, 3, LAVA))
    assert following.mantissa.tolist()[2:] == [0, 0, 0]


def test_by_hand() -> None:
    weight = np.array([1.0, 0.1, -1.0, 0.3])
    one = round_weight(weight, 1016, WeightFormat(8, exponents=1))
    assert one.exponent.tolist() == [2, 2, 2, 2]
    assert one.mantissa.tolist() == [254, 26, -254, 76]  # 254, 25.4, −254, 76.2
    three = round_weight(weight, 1016, WeightFormat(8, exponents=3))
    assert three.exponent.tolist() == [2, 0, 2, 1]
    assert three.mantissa.tolist() == [254, 102, -254, 152]  # 254, 101.6, −254, 152.4
    np.testing.assert_allclose(three.value, [1.0, 102 / 1016, -1.0, 304 / 1016])


def test_small_weights_fill_their_bits_by_a_negative_exponent_and_zeros_need_none() -> None:
    rounded = round_weight(np.array([10.0, -3.0]), 1, WeightFormat(8, 3, LAVA))
    assert rounded.exponent.tolist() == [-4, -4]
    assert rounded.mantissa.tolist() == [160, -48]
    portable = round_weight(np.array([10.0, -3.0]), 1, WeightFormat(8, 3))
    assert portable.exponent.tolist() == [-1, -1]
    assert portable.mantissa.tolist() == [20, -6]
    nothing = round_weight(np.zeros(3), 1000, WeightFormat())
    assert not nothing.mantissa.any()
    assert not nothing.exponent.any()


@pytest.mark.parametrize(("bits", "exponents"), [(1, 1), (9, 1), (8, 0), (8, 9)])
def test_a_format_that_there_is_not_is_refused(bits: int, exponents: int) -> None:
    with pytest.raises(UserError, match="outside"):
        WeightFormat(bits, exponents)
