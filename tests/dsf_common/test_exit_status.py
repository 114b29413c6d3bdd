"""How a command ends."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from dsf_common.documents import print_document
from dsf_common.errors import GateFailed, Terminated, UserError
from dsf_common.exit_status import run_command

ENDS_WELL = """
import sys
from dsf_common.exit_status import run_command
sys.exit(run_command(lambda argv: print("Pendulum \u22122") or print("log", file=sys.stderr) or 0, "dsf-x"))
"""


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (UserError("wrong file"), 2, "dsf-x: error: wrong file\n"),
        (GateFailed("spikes differ"), 1, "dsf-x: failed: spikes differ\n"),
        (PermissionError(13, "Permission denied", "runs/x"), 2, "dsf-x: error: runs/x: Permission denied\n"),
        (OSError("disk on fire"), 2, "dsf-x: error: system: disk on fire\n"),
        (KeyboardInterrupt(), 130, "dsf-x: interrupted\n"),
        (Terminated(), 143, "dsf-x: told to end\n"),
        (
            MemoryError("Unable to allocate 7 TiB"),
            2,
            "dsf-x: error: there is not enough memory: Unable to allocate",
        ),
        (RuntimeError("CUDA out of memory.\nC++"), 2, "dsf-x: error: there is not enough memory: CUDA out of memory.;"),
        (ValueError("array is too big; …"), 2, "dsf-x: error: there is not enough memory: array is too big"),
        (OverflowError("cannot fit 'int' into an index-sized integer"), 2, "dsf-x: error: there is not enough memory"),
        (TypeError("empty(): Overflow when unpacking long long\nC++"), 2, "dsf-x: error: there is not enough memory"),
    ],
)
def test_every_ending_has_its_status_and_one_line(
    error: BaseException, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(argv: list[str]) -> int:
        raise error

    assert run_command(main, "dsf-x", []) == status
    said = capsys.readouterr().err
    assert said.startswith(words)
    assert said.count("\n") == len(words.splitlines())


def test_an_error_of_ours_is_not_taken_for_a_lack_of_memory() -> None:
    def main(argv: list[str]) -> int:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        run_command(main, "dsf-x", [])


def test_a_command_gets_its_arguments_and_keeps_its_own_status() -> None:
    assert run_command(len, "dsf-x", ["a", "b", "c"]) == 3


def test_a_document_is_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    def main(argv: list[str]) -> int:
        print("a word of the environment")
        print_document({"score": 1.0})
        return 0

    assert run_command(main, "dsf-x", ["--json"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ('{"score": 1.0}\n', "a word of the environment\n")
    run_command(main, "dsf-x", [])
    assert capsys.readouterr().out == 'a word of the environment\n{"score": 1.0}\n'


@pytest.mark.parametrize(
    ("closed", "heard"), [("<&-", "Pendulum −2\n"), ("2>&-", "Pendulum −2\n"), (">&-", ""), ("<&- >&- 2>&-", "")]
)
def test_a_closed_stream_is_no_error(closed: str, heard: str) -> None:
    run = subprocess.run(["bash", "-c", f"{sys.executable} -c '{ENDS_WELL}' {closed}"], capture_output=True, text=True)
    assert run.returncode == 0
    assert run.stdout == heard


def test_a_document_is_the_same_in_every_encoding() -> None:
    code = 'from dsf_common.documents import print_document as p; p({"é − 😀": 1})'
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == {"é − 😀": 1}


def test_a_terminal_of_another_encoding_gets_every_word() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run([sys.executable, "-c", ENDS_WELL], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "Pendulum \\u22122\n"


def test_the_packages_log_from_info_on() -> None:
    run_command(lambda argv: 0, "dsf-x", [])
    assert logging.getLogger("dsf_train").getEffectiveLevel() == logging.INFO
