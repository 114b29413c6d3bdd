"""Tests leave no files in the machine's temporary folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = "import tempfile; print(tempfile.gettempdir())"


def test_temporary_files_have_a_folder_that_goes_with_the_session() -> None:
    folder = tempfile.gettempdir()
    assert Path(folder).name.startswith("dsf-tests-")
    assert subprocess.check_output([sys.executable, "-c", SCRIPT], text=True).strip() == folder
