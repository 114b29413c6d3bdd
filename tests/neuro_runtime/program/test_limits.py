"""Loihi's numbers: what stands in another package as well is the same there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import neuro_runtime
from hw_profiles.chip_arithmetic import ChipArithmetic, Extreme
from hw_profiles.loader import load_profile
from hw_profiles.mapping.relays import RELAY_PARAMETERS
from hw_profiles.network import NeuronParameters
from hw_profiles.timing import _steps_to_zero
from neuro_runtime.program import limits
from neuro_runtime.program.decay import steps_to_zero
from neuro_runtime.program.portable import PORTABLE

SIMULATORS = Path(neuro_runtime.__file__).parent / "simulators"
LAVA, NENGO_LOIHI = "lava/worker/graph.py", "nengo_loihi/worker/blocks.py"


def test_the_formats_are_those_of_lava() -> None:
    assert (limits.STATE_LIMIT, limits.DECAY_ONE, limits.CLEARED_CURRENT) == (2**23, 4096, 4095)
    assert (limits.SMALLEST_WEIGHT, limits.LARGEST_WEIGHT) == (-256, 254)
    assert limits.NEVER_THRESHOLD << limits.CURRENT_SHIFT > limits.STATE_LIMIT - 1
    assert limits.LARGEST_THRESHOLD << limits.CURRENT_SHIFT <= limits.STATE_LIMIT - 1


@pytest.mark.parametrize(
    ("script", "name"),
    [
        *[(LAVA, name) for name in ("AND_DECAY", "CLEARED_CURRENT", "NEVER_THRESHOLD")],
        *[(NENGO_LOIHI, name) for name in ("AND_DECAY", "CLEARED_CURRENT", "CURRENT_SHIFT")],
        *[(NENGO_LOIHI, name) for name in ("LARGEST_THRESHOLD", "STATE_LIMIT")],
    ],
)
def test_a_worker_has_the_same_numbers(script: str, name: str) -> None:
    assigned = {
        target.id: ast.literal_eval(statement.value)
        for statement in ast.parse((SIMULATORS / script).read_text()).body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    assert assigned[name] == getattr(limits, name)


def test_a_relay_is_an_and_of_one_input() -> None:
    threshold = limits.AND_WEIGHT - limits.AND_SLACK
    assert NeuronParameters(limits.AND_DECAY, limits.AND_DECAY, threshold) == RELAY_PARAMETERS
    assert RELAY_PARAMETERS.state_bits == limits.STATE_BITS


@pytest.mark.parametrize("profile", ["loihi1-davies2018", "loihi1-measured"])
def test_a_loihi_1_has_the_arithmetic_of_the_portable_subset(profile: str) -> None:
    capacity = load_profile(profile).capacity
    assert capacity is not None
    assert ChipArithmetic.of(capacity) == PORTABLE


def test_lava_s_own_limits_are_those_of_a_valid_program() -> None:
    capacity = load_profile("lava-simulator").capacity
    assert capacity is not None
    arithmetic = ChipArithmetic.of(capacity)
    assert arithmetic.smallest_exponent == limits.SMALLEST_EXPONENT
    assert arithmetic.largest_threshold == limits.LARGEST_THRESHOLD
    assert (arithmetic.state_bits, arithmetic.weight_shift) == (limits.STATE_BITS, limits.CURRENT_SHIFT)


def test_the_largest_bias_is_odd_up_to_its_mantissa_and_even_beyond() -> None:
    injections = [Extreme("node", "node", "injection", 0, step=step) for step in (1, 2, 4)]
    assert list(map(PORTABLE.limit, injections)) == [limits.LARGEST_ODD_BIAS, *2 * [limits.LARGEST_EVEN_BIAS]]


@pytest.mark.parametrize("loss", [0, 1, 7, 1024, limits.LARGEST_DECAY])
def test_a_profile_s_voltage_decays_as_fast_as_the_program_s(loss: int) -> None:
    parameters = NeuronParameters(limits.CLEARED_CURRENT, loss, threshold=1)
    assert _steps_to_zero(parameters, at_most=limits.LONGEST_DECAY) == steps_to_zero(loss)


def test_every_decay_ends() -> None:
    assert steps_to_zero(0) == limits.LONGEST_DECAY
    assert 33_000 < steps_to_zero(1) < limits.LONGEST_DECAY
    assert steps_to_zero(limits.DECAY_ONE) == 1
