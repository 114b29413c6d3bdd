"""Progress that is piped is a line now and then."""

from __future__ import annotations

import time

import pytest

from dsf_common import progress
from dsf_common.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its one entry."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_line_tells_how_far_and_how_fast(clock: list[float]) -> None:
    with Progress(20_000, "train pen-e", "step", done=1_000) as shown:
        shown.say({"loss": "0.0123"})
        clock[0] += 5
        shown.update(125)
        assert shown.line() == "train pen-e: 1,125 of 20,000 steps, 25 a second, loss 0.0123"
    with Progress(None, "fetch", "block") as shown:
        clock[0] += 10
        shown.update(20)
        assert shown.line() == "fetch: 20 blocks, 2 a second"


def test_a_line_comes_though_nothing_is_done_and_no_other_says_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "FIRST_LINE_S", 0.01)
    monkeypatch.setattr(progress, "EVERY_S", 0.02)
    with Progress(9, "compile", "kernel") as shown, Progress(9, "hidden", "step", hidden=True):
        time.sleep(0.2)
        shown.say({"kernel": "exp"})
        time.sleep(0.2)
    told = capsys.readouterr().err
    assert told.splitlines() == ["compile: 0 of 9 kernels", "compile: 0 of 9 kernels, kernel exp"]
    assert "\r" not in told
    time.sleep(0.05)
    assert not capsys.readouterr().err


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(9, "quick", "step") as shown:
        shown.update(9)
    assert not capsys.readouterr().err
