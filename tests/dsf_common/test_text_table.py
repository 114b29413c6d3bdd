"""Tables as text."""

from __future__ import annotations

from dsf_common.text_table import text_table

ROWS = (("layer", "spikes"), ("a", "1"), ("long name", ""))


def test_numbers_are_aligned_to_the_right_and_words_to_the_left() -> None:
    assert text_table(ROWS).split("\n") == ["layer      spikes", "a               1", "long name"]
    assert text_table(ROWS, numbers=False).split("\n") == ["layer      spikes", "a          1", "long name"]
