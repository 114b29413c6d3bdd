"""dsf-run input=FILE.npz: a network is given samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_profiles.report.write import write_report
from neuro_runtime import samples_of_call
from neuro_runtime.command_run import main
from neuro_runtime.program import save_program
from support.small_sample_programs import random_sample_program


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "small.dsf.h5"
    save_program(random_sample_program(1, 1, values=False), path)
    return path


def samples(path: Path, labels: bool, count: int = 4) -> Path:
    raster = (np.random.default_rng(2).random((count, 15, 2, 3)) < 0.5).astype(np.uint8)
    if labels:
        np.savez(path, input=raster, label=np.arange(count) % 5)
    else:
        np.savez(path, input=raster)
    return path


def call(program: Path, *words: str) -> list[str]:
    return [f"policy={program}", *words]


def test_every_backend_gives_the_same_classes(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, answers = samples(tmp_path / "samples.npz", labels=False), []
    for backend in ("interpreter", "loihi-fast"):
        assert main([*call(program, f"input={file}"), "--backend", backend, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        answers.append((document["classes"], document["outputs"], document["spikes"], document["synops"]))
        assert document["accuracy"] is None
    assert answers[0] == answers[1]
    assert sum(answers[0][2]) > 0


@pytest.mark.lava
@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_nengo_loihi_has_every_spike_and_state(
    seed: int, values: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Delays, a loop, synaptic currents, neurons that fire at their threshold, samples that begin anew."""
    path = tmp_path / "small.dsf.h5"
    save_program(random_sample_program(seed, 1, values=values), path)
    file = samples(tmp_path / "samples.npz", labels=False)
    assert main([*call(path, f"input={file}"), "--backend", "nengo-loihi", "--check", "interpreter", "--json"]) == 0
    comparison = json.loads(capsys.readouterr().out)["comparison"]
    assert comparison["fired"] > 100
    assert comparison["states_compared"] > 1000
    assert (comparison["different"], comparison["states_different"]) == (0, 0)


def test_a_check_is_said_in_a_line_and_needs_two_simulators(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = call(program, f"input={samples(tmp_path / 'samples.npz', labels=False)}")
    assert main([*words, "--backend", "loihi-fast", "--check"]) == 0
    assert "interpreter beside it: " in capsys.readouterr().out
    assert main([*words, "--backend", "loihi-fast", "--check", "loihi-fast"]) == 2
    assert "--check compares two simulators, and both are loihi-fast" in capsys.readouterr().err


def test_labels_give_an_accuracy_and_a_run_that_a_report_prices(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = samples(tmp_path / "samples.npz", labels=True), tmp_path / "run"
    assert main([*call(program, f"input={file}", f"out={out}"), "--backend", "loihi-fast"]) == 0
    text = capsys.readouterr().out
    assert "accuracy" in text
    assert "a sample" in text
    record = json.loads((out / "run.json").read_text())
    assert record["decisions"] == 4
    assert record["network"] == "network.h5"
    page = write_report(out, (), tmp_path / "page").page.read_text()
    assert "Accuracy, per cent" in page
    assert "Normalised score" not in page
    assert "Decision Transformer" not in page
    assert "dsf-bench front" not in page


BAD = {
    "no file": (["input=nothing.npz"], "there is no file"),
    "an environment": (["input={samples}", "env=pendulum"], "leave one out"),
    "an option of a source": (["input={samples}", "reset=zero"], "is for a file of another framework"),
    "an option of a source alone": (["reset=zero"], "give input=FILE.npz with it"),
    "a backend of policies": (["input={samples}", "--backend", "torch"], "runs policies"),
    "options of policies": (["input={samples}", "seed=9"], "seed= is for policies in closed loop, not for input="),
    "a default of policies": (["input={samples}", "episodes=1"], "episodes= is for policies"),
    "a shipped policy": (["policy=pen-e", "input={samples}"], "run it with policy=pen-e"),
    "no classes": (["input={samples}", "--report"], "--report needs the samples' classes"),
    "no classes to save": (["input={samples}", "out=run"], "out= needs the samples' classes"),
    "a folder": (["policy=.", "input={samples}"], ". is a folder: name the network's file in it"),
}


def test_a_place_that_cannot_be_written_is_told_before_the_samples_run(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(samples_of_call, "outcome_of", lambda *_: pytest.fail("it ran"))
    file = samples(tmp_path / "samples.npz", labels=True)
    assert main([*call(program, f"input={file}", f"out={file}"), "--backend", "loihi-fast"]) == 2
    assert "samples.npz is a file; give another name" in capsys.readouterr().err
    assert main([*call(program, f"input={file}"), "--backend", "loihi-fast", "--report", str(file)]) == 2
    assert "samples.npz is a file, and a report is written into a folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_call_is_one_sentence(
    name: str, program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, message = BAD[name]
    file = samples(tmp_path / "samples.npz", labels=False)
    assert main(call(program, *(word.format(samples=file) for word in words))) == 2
    assert message in capsys.readouterr().err


RASTER = np.ones((2, 15, 2, 3))
BAD_SAMPLES: dict[str, tuple[dict[str, NDArray[Any]], str]] = {
    "a class too high": ({"input": RASTER, "label": np.array([0, 99])}, "the label of sample 1 is 99"),
    "a class below 0": (
        {"input": RASTER, "label": np.array([-1, 0])},
        "the label of sample 0 is -1, and the network's classes are 0 to",
    ),
    "no number": ({"input": np.stack([RASTER[0], RASTER[0] * np.nan])}, "sample 1 holds a number that is not finite"),
    "objects": ({"input": np.array([None])}, "input holds Python objects, which are not read"),
}


@pytest.mark.parametrize("name", BAD_SAMPLES)
def test_samples_that_cannot_be_are_named_with_their_file(
    name: str, program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays, message = BAD_SAMPLES[name]
    file = tmp_path / "samples.npz"
    np.savez(file, allow_pickle=True, **arrays)
    assert main([*call(program, f"input={file}"), "--backend", "interpreter"]) == 2
    error = capsys.readouterr().err
    assert f"{file}: " in error
    assert message in error


def test_a_single_array_is_called_one(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "samples.npy", RASTER)
    assert main(call(program, f"input={tmp_path / 'samples.npy'}")) == 2
    assert "is a single array (.npy): save it by numpy.savez" in capsys.readouterr().err
