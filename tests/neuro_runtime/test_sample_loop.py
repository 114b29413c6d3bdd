"""A network that is given samples, steering: its loop's codes and readouts, and the closed loop itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsf_common.errors import UserError
from neuro_runtime import load_policy
from neuro_runtime.command_run import main
from neuro_runtime.loop_spec import LoopEncoder, LoopReadout, load_loop
from neuro_runtime.program import save_program
from neuro_runtime.program.nodes import CurrentInput, Injection, Lif
from neuro_runtime.program.sample import HostMap, SampleEncoder, SampleOutput, SampleProgram

LOOP = """environment: pendulum
encoder: {code: value, steps: 6, mean: [0, 0, 0], std: [1, 1, 4]}
readout: {from: mean, scale: 0.5}
"""


def membrane_policy() -> SampleProgram:
    """One neuron that never fires: its v is twice the angle's sine."""
    index = np.array([1], np.int32)
    each = HostMap("current", index, 0 * index, np.array([2.0]), np.zeros(1), scale=100.0, largest=np.array([600.0]))
    return SampleProgram(
        arithmetic="loihi",
        active_steps=1,
        period=1,
        nodes=(CurrentInput("current", 1), Lif("v", 1, 4095, 4095, 131071)),
        connections=(Injection("current", "v"),),
        encoder=SampleEncoder("values", (3,), (each,)),
        outputs=(SampleOutput("v", "membrane", 0 * index, 0, 1 / 6400),),
        output_shape=(1,),
        name="sine",
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "sine.dsf.h5"
    save_program(membrane_policy(), path)
    (tmp_path / "sine.loop.yaml").write_text(LOOP, encoding="utf-8")
    return path


@pytest.mark.parametrize("backend", ["interpreter", "loihi-fast"])
def test_an_observation_becomes_a_sample_and_its_output_an_action(backend: str, program: Path) -> None:
    with load_policy(program, backend=backend) as policy:
        assert policy.environment == "pendulum"
        policy.reset()
        action = policy.act([0.8, 0.6, 1.0], normalised=True)
        np.testing.assert_allclose(action, [0.6], atol=0.01)
        assert policy.activity.time_steps == 6


def test_a_run_in_closed_loop_is_priced(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main([f"policy={program}", f"out={out}", "--backend", "loihi-fast"]) == 0
    assert "score" in capsys.readouterr().out
    assert (out / "network.h5").exists()


def test_codes_are_what_they_say() -> None:
    observation, random = np.array([1.5, -3.0, 3.0]), np.random.default_rng(0)
    plain = LoopEncoder("value", 400, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(plain.sample(observation, random)[7], observation)
    rates = replace(plain, code="rate").sample(observation, random).mean(axis=0)
    np.testing.assert_allclose(rates, [0.75, 0, 1], atol=0.06)
    first = replace(plain, code="latency").sample(observation, random).argmax(axis=0)
    np.testing.assert_array_equal(first, [100, 399, 0])
    fields = replace(plain, code="population", neurons=5).sample(observation, random).mean(axis=0).reshape(3, 5)
    np.testing.assert_array_equal(fields.argmax(axis=1), [3, 0, 4])


def test_readouts_are_what_they_say() -> None:
    rows = np.array([[0.0, 1.0], [1.0, 1.0]])
    for kind, expected in (("sum", [0.1, 0.2]), ("mean", [0.05, 0.1]), ("last", [0.1, 0.1]), ("argmax", [-1, 1])):
        np.testing.assert_allclose(LoopReadout(**{"from": kind, "scale": 0.1}).action(rows), expected)  # type: ignore[arg-type]


BAD = {
    "missing": (None, "there is no"),
    "no yaml": ("a: [", "not readable YAML"),
    "a key": (LOOP + "gain: 3\n", "gain"),
    "a code": (LOOP.replace("value", "wave"), "code"),
    "sizes": (LOOP.replace("[0, 0, 0]", "[0, 0]"), "2 means and 3 deviations"),
    "spikes for values": (LOOP.replace("value", "rate"), "does not go with a network that takes values"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_loop_is_one_sentence(name: str, program: Path) -> None:
    content, message = BAD[name]
    path = program.with_name("sine.loop.yaml")
    if content is None:
        path.unlink()
    else:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_policy(program, backend="interpreter")


def test_a_loop_is_read_as_it_is_written(program: Path) -> None:
    assert load_loop(program.with_name("sine.loop.yaml")).encoder.std == (1, 1, 4)
