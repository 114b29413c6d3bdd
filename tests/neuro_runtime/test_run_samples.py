"""dsf-run input=FILE.npz: a network is given samples."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

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


BAD = {
    "no file": (["input=nothing.npz"], "there is no file"),
    "an environment": (["input={samples}", "env=pendulum"], "leave one out"),
    "an option of a source": (["input={samples}", "reset=zero"], "is for a file of another framework"),
    "an option of a source alone": (["reset=zero"], "give input=FILE.npz with it"),
    "a backend of policies": (["input={samples}", "--backend", "torch"], "runs policies"),
    "no classes": (["input={samples}", "--report"], "needs the samples' classes"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_call_is_one_sentence(
    name: str, program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, message = BAD[name]
    file = samples(tmp_path / "samples.npz", labels=False)
    assert main(call(program, *(word.format(samples=file) for word in words))) == 2
    assert message in capsys.readouterr().err
