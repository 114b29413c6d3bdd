"""Threads wait briefly, unless the user says how."""

from __future__ import annotations

import os

import pytest

from dsf_train.waiting import SPINS, WAITING, wait_briefly


@pytest.mark.parametrize(
    ("given", "spins"), [({}, SPINS), ({WAITING: "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)]
)
def test_a_users_own_choice_stands(given: dict[str, str], spins: str | None, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(os, "environ", dict(given))
    wait_briefly()
    assert os.environ.get(WAITING) == spins
