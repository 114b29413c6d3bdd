"""One process at a time writes into a folder, and no temporary name is left of a process that was told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from dsf_common.errors import UserError
from dsf_common.files import atomic_write, partial_path
from dsf_common.folder_lock import locked_folder

HOLD = """
import sys
from pathlib import Path
from dsf_common.folder_lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""
WRITE = """
import sys
from pathlib import Path
from dsf_common.exit_status import run_command
from dsf_common.files import atomic_write
def main(argv):
    with atomic_write(Path(argv[0])) as temporary:
        temporary.write_text("half")
        print("writing", flush=True)
        sys.stdin.readline()
    return 0
sys.exit(run_command(main, "dsf-test"))
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that hears SIGINT, as one does not that a shell started in the background."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with locked_folder(folder), pytest.raises(UserError, match="is being written by another process"):
        locked_folder(folder).__enter__()
    assert not folder.exists(), "nothing was written into it"
    with locked_folder(folder):
        (folder / "model.pt").write_text("")
    assert os.listdir(folder) == ["model.pt"]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    process = start(HOLD, str(tmp_path))
    with pytest.raises(UserError, match="another process"):
        locked_folder(tmp_path).__enter__()
    process.kill()
    process.communicate()
    with locked_folder(tmp_path):
        pass


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_process_that_is_told_to_end_leaves_nothing(tmp_path: Path, number: int, status: int) -> None:
    process = start(WRITE, str(tmp_path / "model.pt"))
    assert len(os.listdir(tmp_path)) == 1
    process.send_signal(number)
    process.communicate()
    assert process.returncode == status
    assert os.listdir(tmp_path) == []


def test_temporary_names_are_of_no_process(tmp_path: Path) -> None:
    """Two containers count their processes from the same number."""
    assert partial_path(tmp_path / "a.h5") != partial_path(tmp_path / "a.h5")
    with atomic_write(tmp_path / "a.h5") as temporary:
        assert temporary.suffix == ".h5"
        temporary.write_text("")
