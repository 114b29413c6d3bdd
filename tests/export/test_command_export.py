"""dsf-export from the command's outside: files, tables, JSON, exit statuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.random_policies import random_policy
from export.command_export import main
from export.lower import lower
from neuro_runtime.program import load_program, program_hash
from tests.export.export_doubles import DELAY, PSSA, pssa_policy
from train.checkpoint import save_model_file
from train.configuration import Mixing

PENDULUM = 3, 1  # observations and actions


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with an untrained pendulum policy."""
    folder = tmp_path_factory.mktemp("run")
    save_model_file(folder / "model.pt", random_policy(DELAY, *PENDULUM, environment="pendulum"))
    return folder


def test_a_model_becomes_a_program_beside_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run / "model.pt"), "--target", "lava", "--decisions", "12"]) == 0
    out = capsys.readouterr().out
    assert "parity on 12 decisions, pendulum in closed loop" in out
    assert "lowered, stream" in out
    assert "headroom" in out
    assert f"wrote {run / 'program.dsf.h5'}" in out
    program = load_program(run / "program.dsf.h5")
    assert program.environment == "pendulum"
    assert set(program.provenance) >= {"model_sha256", "configuration", "decision-spikeformer", "torch", "numpy"}


def test_through_nir_and_back_is_the_identical_program(run: Path, tmp_path: Path) -> None:
    straight, through, back = tmp_path / "a.dsf.h5", tmp_path / "b.nir", tmp_path / "c.dsf.h5"
    assert main([str(run), "--target", "lava", "--decisions", "2", "--output", str(straight)]) == 0
    assert main([str(run), "--target", "nir", "--decisions", "2", "--output", str(through)]) == 0
    assert main([str(through), "--target", "lava", "--decisions", "2", "--output", str(back)]) == 0
    assert program_hash(load_program(back)) == program_hash(load_program(straight))


def test_json_is_one_document_on_stdout(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "program.nir"
    assert main([str(run), "--target", "nir", "--decisions", "3", "--json", "--output", str(output)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["output"] == str(output)
    assert [row["verdict"] for row in document["parity"]["rows"]] == [
        "reference",
        "equal",
        "equal",
        "quantised",
        "identical",
    ]
    assert all(row["bits"] >= 0 for row in document["headroom"])


def test_without_its_environment_tokens_are_made_up_and_it_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model_file(tmp_path / "model.pt", pssa_policy())
    assert main([str(tmp_path), "--target", "lava", "--decisions", "4"]) == 0
    assert "made up, since unknown environment" in capsys.readouterr().out


def test_a_failed_gate_is_status_1_and_writes_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(*arguments: object) -> object:
        program = lower(*arguments)  # type: ignore[arg-type]
        return replace(program, readout=replace(program.readout, bias=program.readout.bias + 0.01))

    monkeypatch.setattr("export.pipeline.lower", wrong)
    output = tmp_path / "program.dsf.h5"
    assert main([str(run), "--target", "lava", "--decisions", "3", "--output", str(output)]) == 1
    captured = capsys.readouterr()
    assert "FAILED" in captured.out
    assert "the stage 'lowered, stream' does not match" in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{run}", "--target", "onnx"], "unknown target 'onnx': choose from lava, nir"),
        (["{run}", "--target", "laava"], "did you mean lava"),
        (["{tmp}/none.pt", "--target", "lava"], "there is no"),
        (["{tmp}", "--target", "lava"], "there is no {tmp}/model.pt"),
        (["{run}", "--target", "lava", "--output", "{tmp}/x.nir"], "must end in .dsf.h5"),
        (["{run}", "--target", "lava", "--decisions", "0"], "--decisions must be at least 1"),
        (["{tmp}/text.pt", "--target", "lava"], "not a readable PyTorch file"),
        (["{tmp}/text.nir", "--target", "lava"], "not a readable NIR file"),
        (["{tmp}/text.dsf.h5", "--target", "nir"], "not a readable program file"),
        (["{tmp}/text.nir", "--target", "nir", "--output", "{tmp}/text.nir"], "would replace its own source"),
        (["{tmp}/tssa.pt", "--target", "lava"], "TSSA"),
    ],
)
def test_a_wrong_call_is_status_2_and_one_sentence(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    for suffix in ("pt", "nir", "dsf.h5"):
        (tmp_path / f"text.{suffix}").write_text("not what its name says")
    tssa = replace(PSSA, mixing=Mixing.tssa, streaming=False)
    save_model_file(tmp_path / "tssa.pt", random_policy(tssa, *PENDULUM, environment="pendulum"))
    places = {"run": str(run), "tmp": str(tmp_path)}
    assert main([argument.format(**places) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("dsf-export: error: ")
    assert sentence.format(**places) in error
    assert error.count("\n") == 1
