"""JSON has no NaN: what is not finite becomes null, and the document says which number it was."""

from __future__ import annotations

import json
import math

from dsf_common.checksum import require_intact, with_checksum
from dsf_common.json_text import json_text


def refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_what_is_not_finite_is_null_with_its_reason() -> None:
    document = {"score": {"mean": math.nan, "low": -math.inf}, "list": [1.5, math.inf], "whole": 3, "name": "nan"}
    read = json.loads(json_text(document), parse_constant=refused)
    assert read["score"] == {"mean": None, "low": None}
    assert read["list"] == [1.5, None]
    assert (read["whole"], read["name"]) == (3, "nan")
    assert read["not_finite"] == {"score.mean": "nan", "score.low": "-inf", "list.1": "inf"}


def test_a_finite_document_is_unchanged() -> None:
    assert json.loads(json_text({"a": [1, 2.5, None, "x"]})) == {"a": [1, 2.5, None, "x"]}


def test_the_checksum_is_of_what_is_written() -> None:
    sealed = with_checksum({"score": math.inf})
    assert require_intact(json.loads(json.dumps(sealed, allow_nan=False)), "it", "", required=True)["score"] is None
