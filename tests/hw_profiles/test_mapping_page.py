"""The table of docs/mapping.md is what its command prints, but for the seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "mapping.md"


def test_the_table_is_what_the_benchmark_prints() -> None:
    command = [sys.executable, "-m", "benchmarks.mapping_table"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    printed = [line.rsplit("|", 2)[0] for line in result.stdout.splitlines() if line.startswith("| loihi")]
    on_page = [line.rsplit("|", 1)[0] for line in PAGE.read_text(encoding="utf-8").splitlines()]
    assert len(printed) == 8
    assert set(printed) <= set(on_page)
