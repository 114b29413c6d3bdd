"""The table of docs/mapping.md is what its command prints, but for the seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import mapping_table

PAGE = Path(__file__).parents[3] / "docs" / "mapping.md"


def test_the_table_is_what_the_benchmark_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert mapping_table.main([]) == 0
    printed = [line.rsplit("|", 2)[0] for line in capsys.readouterr().out.splitlines() if line.startswith("| loihi")]
    on_page = [line.rsplit("|", 1)[0] for line in PAGE.read_text(encoding="utf-8").splitlines()]
    assert len(printed) == 8
    assert set(printed) <= set(on_page)
