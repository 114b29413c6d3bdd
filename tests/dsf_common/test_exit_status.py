"""How a command ends."""

from __future__ import annotations

import logging

import pytest

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (UserError("wrong file"), 2, "dsf-x: error: wrong file\n"),
        (GateFailed("spikes differ"), 1, "dsf-x: failed: spikes differ\n"),
        (PermissionError(13, "Permission denied", "runs/x"), 2, "dsf-x: error: runs/x: Permission denied\n"),
        (OSError("disk on fire"), 2, "dsf-x: error: system: disk on fire\n"),
        (KeyboardInterrupt(), 130, "dsf-x: interrupted\n"),
    ],
)
def test_every_ending_has_its_status_and_one_line(
    error: BaseException, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(argv: list[str]) -> int:
        raise error

    assert run_command(main, "dsf-x", []) == status
    assert capsys.readouterr().err == words


def test_a_command_gets_its_arguments_and_keeps_its_own_status() -> None:
    assert run_command(len, "dsf-x", ["a", "b", "c"]) == 3


def test_the_packages_log_from_info_on() -> None:
    run_command(lambda argv: 0, "dsf-x", [])
    assert logging.getLogger("dsf_train").getEffectiveLevel() == logging.INFO
