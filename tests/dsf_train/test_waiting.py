"""Threads sleep where they wait while others want the processors, unless the user says how they wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from dsf_train import waiting
from dsf_train.waiting import Crowd, Load, giving_way


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in waiting.USERS_CHOICE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(waiting, "LOOK_EVERY_S", 0.01)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def crowds(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What the watch asks of the crowd."""
    asked: list[bool] = []
    monkeypatch.setattr(Crowd, "there", lambda self, wanted: asked.append(wanted))
    return asked


def loads(others: float) -> Callable[[], Load]:
    """A machine on which others keep so many processors busy, and we two."""
    begun = time.monotonic()

    def now() -> Load:
        passed = time.monotonic() - begun
        return Load(passed, (2 + others) * passed, 2 * passed)

    return now


@pytest.mark.parametrize(
    ("processors", "others", "crowded"), [(2, 0.0, False), (2, 0.6, True), (4, 1.9, False), (4, 2.6, True)]
)
def test_threads_sleep_where_others_want_their_processors(
    processors: int, others: float, crowded: bool, crowds: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_own_processors", lambda: set(range(processors)))
    monkeypatch.setattr(Load, "now", loads(others))
    with giving_way():
        time.sleep(0.1)
    assert set(crowds[:-1]) == {crowded}
    assert crowds[-1] is False


@pytest.mark.parametrize("name", waiting.USERS_CHOICE)
def test_a_users_own_choice_stands(name: str, crowds: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "passive")
    with giving_way():
        time.sleep(0.05)
    assert crowds == []


def test_what_the_system_says_of_others() -> None:
    before = Load.now()
    assert before is not None
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end:
        pass
    now = Load.now()
    assert now is not None
    assert -0.2 < now.others_since(before) < len(waiting._own_processors()) + 0.2


def test_a_crowd_changes_no_bit_and_goes_home() -> None:
    start_team = waiting._start_team()
    if start_team is None:
        pytest.skip("PyTorch has another OpenMP")
    torch.manual_seed(0)
    matrix = torch.randn(300, 300)
    before, threads = matrix @ matrix, threading.active_count()
    crowd = Crowd(start_team, 2)
    crowd.there(True)
    crowd.there(True)
    assert threading.active_count() == threads + 1
    assert torch.equal(matrix @ matrix, before)
    assert torch.get_num_threads() == 2
    crowd.there(False)
    end = time.perf_counter() + 10
    while threading.active_count() > threads and time.perf_counter() < end:
        time.sleep(0.01)
    assert threading.active_count() == threads
