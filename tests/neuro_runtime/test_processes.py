"""A policy in another process or thread is right, or says that it is not to be had there."""

from __future__ import annotations

import pytest

from support.policy_elsewhere import REFUSED, RIGHT, WAYS, outcome


@pytest.mark.parametrize(
    ("backend", "way", "allowed"),
    [
        ("interpreter", "forked", {RIGHT}),
        ("loihi-fast", "forked", {RIGHT}),
        ("torch", "forked", {RIGHT}),
        ("interpreter", "spawned", {RIGHT}),
        ("interpreter", "threads", {RIGHT, REFUSED}),
        ("loihi-fast", "threads", {RIGHT, REFUSED}),
        ("torch", "threads", {RIGHT, REFUSED}),
        pytest.param("loihi-sim", "forked", {REFUSED}, marks=pytest.mark.lava),
    ],
)
def test_a_policy_elsewhere(backend: str, way: str, allowed: set[str]) -> None:
    assert outcome("pendulum", backend, WAYS[way]) in allowed
