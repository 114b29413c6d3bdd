"""The compiled encoder and readout give the very bits of those that every other backend uses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neuro_runtime.policy_files import shipped_policy
from neuro_runtime.program.limits import INJECTION_LIMIT
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.loihi_fast.host import CompiledHost
from neuro_runtime.token import Token

TOKENS = 500


@pytest.mark.parametrize("name", ["pendulum", "pendulum-hidden", "pen-e"])
def test_it_rounds_many_tokens_as_the_host_rounds_each(name: str) -> None:
    program = load_program(shipped_policy(name).need_program())
    encoder, readout, random = program.encoder, program.readout, np.random.default_rng(0)
    tokens = [
        Token(random.normal(size=encoder.observation_size), random.uniform(-1, 1, encoder.action_size), random.normal())
        for _ in range(TOKENS)
    ]
    host = CompiledHost(encoder, readout)
    currents, integers = host.encode(tokens)
    assert np.array_equal(currents, [encoder.encode(token) for token in tokens])
    assert np.array_equal(integers, [encoder.quantise(current) for current in currents])
    accumulators = random.integers(-(2**23), 2**23, (TOKENS, encoder.action_size))
    actions = host.decode(accumulators, currents)
    assert np.array_equal(
        actions, [readout.decode(v, current) for v, current in zip(accumulators, currents, strict=True)]
    )


def test_it_clips_what_18_bits_do_not_hold() -> None:
    program = load_program(shipped_policy("pendulum").need_program())
    encoder = program.encoder
    far = dataclasses.replace(encoder, input_scale=1e9)
    token = Token(np.ones(encoder.observation_size), np.zeros(encoder.action_size), -1.0)
    currents, integers = CompiledHost(far, program.readout).encode([token])
    assert np.abs(integers).max() == INJECTION_LIMIT
    assert np.array_equal(integers[0], far.quantise(currents[0]))
