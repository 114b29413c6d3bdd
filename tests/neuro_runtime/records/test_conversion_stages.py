"""Scores before and after the conversion, and what is said where one of them could not be had."""

from __future__ import annotations

import pytest

from dsf_common.errors import UserError
from neuro_runtime.records.conversion_stages import conversion_stages


def test_the_difference_is_paired_by_episode() -> None:
    document = conversion_stages("loihi-fast", "loihi", [10.0, 21.0, 35.0], lambda: [12.0, 20.0, 30.0]).document()
    assert [(stage["name"], stage["score"]["mean"]) for stage in document["stages"]] == [  # type: ignore[attr-defined]
        ("float", pytest.approx(62 / 3)),
        ("fixed point", 22.0),
    ]
    difference = document["difference"]
    assert isinstance(difference, dict)
    # -2, 1 and 5: mean 4/3, standard deviation sqrt(37/3), t of two degrees of freedom 4.303
    reach = 4.303 * (37 / 3) ** 0.5 / 3**0.5
    assert difference["mean"] == pytest.approx(4 / 3)
    assert (difference["low"], difference["high"]) == pytest.approx((4 / 3 - reach, 4 / 3 + reach))
    assert document["note"] is None


def test_a_model_that_cannot_be_run_is_said() -> None:
    def missing() -> list[float]:
        raise UserError("backend torch needs torch, which is not installed")

    document = conversion_stages("loihi-sim", "loihi", [10.0], missing).document()
    assert len(document["stages"]) == 1  # type: ignore[arg-type]
    assert document["difference"] is None
    assert document["note"] == "The trained model was not run: backend torch needs torch, which is not installed."


def test_a_run_of_the_model_has_one_stage() -> None:
    def never() -> list[float]:
        raise AssertionError("it was run already")

    document = conversion_stages("torch", None, [10.0, 20.0], never).document()
    assert [stage["name"] for stage in document["stages"]] == ["float"]  # type: ignore[attr-defined]
    assert "before its conversion" in str(document["note"])


def test_a_float_program_is_not_called_fixed_point() -> None:
    document = conversion_stages("interpreter", "float", [10.0], lambda: [10.0]).document()
    assert [stage["name"] for stage in document["stages"]] == ["float", "lowered, in float"]  # type: ignore[attr-defined]
