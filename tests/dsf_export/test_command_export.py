"""dsf-export from the command's outside: files, tables, JSON, exit statuses."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from dsf_export.command_export import main
from dsf_export.lower import lower
from dsf_export.optimise.record_silence import HeldOut, Silence
from dsf_models.checkpoint import save_model_file
from dsf_models.configuration import PositionBias
from neuro_runtime.program import load_program, program_hash, save_program
from neuro_runtime.program.nodes import Dense
from support.random_policies import random_policy
from support.small_policies import DELAY, PSSA, SSSA, pssa_policy, quantised

PENDULUM = 3, 1  # observations and actions
WIDEST_TABLE = 150


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
    assert "bits left of 24" in out
    assert "agreement in program" in out
    assert max(len(line) for line in out.splitlines() if line.startswith("block")) <= WIDEST_TABLE
    assert f"wrote {run / 'program.dsf.h5'}" in out
    program = load_program(run / "program.dsf.h5")
    assert program.environment == "pendulum"
    assert set(program.provenance) >= {"model_sha256", "configuration", "decision-spikeformer", "torch", "numpy"}
    assert program.provenance["weight_bits"] == "8"
    assert program.provenance["units_chosen_on"] == "12 decisions, pendulum in closed loop"
    assert (program.provenance["chip"], program.provenance["arrival"]) == ("portable", "proven")
    assert "the same on every public emulator of Loihi: proven" in out
    assert re.search(r"the token's current is a bias of the neurons: at most \d+, which a chip's bias holds", out)


def test_recorded_silence_that_finds_no_neuron_says_so(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dsf_export.optimise.lean_candidate.record_silence", lambda *_: Silence({}, 300))
    monkeypatch.setattr("dsf_export.optimise.lean_candidate.hold_out", lambda *_: HeldOut(1, 200, 0, 0))
    call = [str(run), "--target", "lava", "--decisions", "2", "--passes", "all"]
    assert main([*call, "--output", str(tmp_path / "a.dsf.h5")]) == 0
    out = capsys.readouterr().out
    assert "recorded silence: no neuron was found that kept silent in 300 decisions, so none goes" in out
    assert ": applied" not in out
    assert main([*call, "--output", str(tmp_path / "b.dsf.h5"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recorded_silence"]["applied"] is False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--decisions", "10000000000"], "comparing 10,000,000,000 decisions takes at least"),
        (["--bits", f"8-{10**22}"], "is neither a number from 2 to 8 nor several"),
    ],
)
def test_numbers_that_no_machine_can_do_are_refused(
    options: list[str], words: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(run / "model.pt"), "--target", "lava", *options]) == 2
    assert words in capsys.readouterr().err


def test_resets_are_refused_where_there_are_none(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = [str(run), "--target", "lava", "--resets"]
    assert main([*call, "--passes", "none"]) == 2
    assert "--resets is for passes, and --passes none leaves all of them out" in capsys.readouterr().err
    assert main([*call, "--chip", "portable"]) == 2
    assert "--chip portable has no resets: give --chip lava or loihi2" in capsys.readouterr().err


def test_graded_spikes_are_refused_before_anything_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one_block = replace(SSSA, blocks=1, context=3)
    save_model_file(
        tmp_path / "model.pt", random_policy(one_block, *PENDULUM, environment="pendulum", added_current=0.3)
    )
    program = str(tmp_path / "program.dsf.h5")
    call = ["--decisions", "2", "--chip", "loihi2"]
    assert main([str(tmp_path), "--target", "lava", *call]) == 0
    assert "the same on every public emulator of Loihi: no, as block0.attention" in capsys.readouterr().out
    monkeypatch.setattr("dsf_export.export_of_call._candidate", lambda *_: pytest.fail("it compared first"))
    for target in (["nir"], ["onnx"], ["nir", "--for", "snntorch"]):
        assert main([str(tmp_path), *call, "--target", *target]) == 2
        assert "makes the scores of sssa graded spikes, which --target" in capsys.readouterr().err
        assert main([program, "--target", *target]) == 2
        assert "sends graded spikes, which --target" in capsys.readouterr().err


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
    layers = {row["layer"]: row for row in document["layers"]}
    assert all(row["headroom"]["bits"] >= 0 for row in layers.values())
    assert all(row["arrival"]["observed"] <= row["headroom"]["arriving"] < 2**15 for row in layers.values())
    hidden = layers["block0.mlp.hidden"]
    assert 0 < hidden["weight_error"] < 0.02
    assert 0.9 < hidden["in_program"]["agreement"] <= 1
    assert 0.5 < hidden["alone"]["overlap"] <= 1
    assert [(item["bits"], item["exponents"]) for item in document["formats"]] == [(8, 4)]
    assert document["plot"] is None


def test_several_bits_print_how_agreement_falls_draw_it_and_write_the_first(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, plot = tmp_path / "small.dsf.h5", tmp_path / "small-bits.svg"
    call = [str(run), "--target", "lava", "--decisions", "4", "--bits", "4-2", "--output", str(output)]
    assert main(call) == 0
    out = capsys.readouterr().out
    assert re.search(r"bits of a weight +4 +3 +2\n", out)
    assert f"wrote {plot}" in out
    drawn = plot.read_text()
    assert drawn.count("block0.mlp.hidden") == 1  # the legend names a line once
    assert "spike agreement with float, %" in drawn
    program = load_program(output)
    assert program.provenance["weight_bits"] == "4"
    for connection in program.connections:
        if isinstance(connection, Dense):
            assert not (connection.weight % 32).any()
    first = plot.read_bytes()
    assert main([*call, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [item["bits"] for item in document["formats"]] == [4, 3, 2]
    errors = [item["layers"][-1]["weight_error"] for item in document["formats"]]
    assert errors == sorted(errors)
    assert document["plot"] == str(plot)
    assert plot.read_bytes() == first


def test_one_exponent_is_one_connection_a_matrix(run: Path, tmp_path: Path) -> None:
    matrices = []
    for exponents in ("1", "3"):
        output = tmp_path / f"{exponents}.dsf.h5"
        call = [str(run), "--target", "lava", "--decisions", "2", "--exponents", exponents, "--output", str(output)]
        assert main(call) == 0
        dense = [item for item in load_program(output).connections if isinstance(item, Dense)]
        matrices.append(sum(item.source != "bias" for item in dense))
    program = load_program(output)
    distinct = {(item.source, item.target, item.delay) for item in dense if item.source != "bias"}
    assert matrices[0] == len(distinct) < matrices[1]
    assert program.provenance["weight_exponents"] == "3"


def test_without_its_environment_tokens_are_made_up_and_it_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model_file(tmp_path / "model.pt", pssa_policy())
    assert main([str(tmp_path), "--target", "lava", "--decisions", "4"]) == 0
    assert "made up, since env= has no value" in capsys.readouterr().out


def test_a_failed_gate_is_status_1_and_writes_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(*arguments: object) -> object:
        program = lower(*arguments)  # type: ignore[arg-type]
        return replace(program, readout=replace(program.readout, bias=program.readout.bias + 0.01))

    monkeypatch.setattr("dsf_export.pipeline.lower", wrong)
    output = tmp_path / "program.dsf.h5"
    assert main([str(run), "--target", "lava", "--decisions", "3", "--output", str(output)]) == 1
    captured = capsys.readouterr()
    assert "FAILED" in captured.out
    assert "the stage 'lowered, stream' does not match" in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{run}", "--target", "tflite"], "unknown target 'tflite': choose from lava, netx, nir, onnx"),
        (["{run}", "--target", "laava"], "did you mean lava"),
        (["{tmp}/none.pt", "--target", "lava"], "there is no"),
        (["{tmp}", "--target", "lava"], "there is no {tmp}/model.pt"),
        (["{run}", "--target", "lava", "--output", "{tmp}/x.nir"], "must end in .dsf.h5"),
        (["{run}", "--target", "lava", "--decisions", "0"], "--decisions must be at least 1"),
        (["{run}", "--target", "lava", "--chip", "loihi3"], "unknown chip 'loihi3': did you mean loihi"),
        (["{run}", "--target", "lava", "--bits", "9"], "--bits 9 is neither a number from 2 to 8"),
        (["{run}", "--target", "lava", "--bits", "8-1"], "--bits 8-1 is neither"),
        (["{run}", "--target", "lava", "--bits", "four"], "--bits four is neither"),
        (["{run}", "--target", "lava", "--bits", "8,"], "--bits 8, is neither"),
        (["{run}", "--target", "lava", "--bits", "8,4,8"], "--bits 8,4,8 names a number twice"),
        (["{run}", "--target", "lava", "--exponents", "9"], "exponents of a weight matrix: 9 is outside 1 … 8"),
        (["{tmp}/real.dsf.h5", "--target", "nir", "--bits", "4"], "a program's weights are rounded already"),
        (["{tmp}/real.dsf.h5", "--target", "nir", "--exponents", "1"], "a program's weights are rounded already"),
        (["{tmp}/text.pt", "--target", "lava"], "not a readable PyTorch file"),
        (["{tmp}/text.nir", "--target", "lava"], "not a readable NIR file"),
        (["{tmp}/text.dsf.h5", "--target", "nir"], "not a readable program file"),
        (["{tmp}/text.nir", "--target", "nir", "--output", "{tmp}/text.nir"], "would replace its own source"),
        (["{tmp}/pairwise.pt", "--target", "lava"], "train with model.position_bias=relative"),
    ],
)
def test_a_wrong_call_is_status_2_and_one_sentence(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    for suffix in ("pt", "nir", "dsf.h5"):
        (tmp_path / f"text.{suffix}").write_text("not what its name says")
    save_program(quantised(pssa_policy()), tmp_path / "real.dsf.h5")
    pairwise = replace(PSSA, position_bias=PositionBias.pairwise, streaming=False)
    save_model_file(tmp_path / "pairwise.pt", random_policy(pairwise, *PENDULUM, environment="pendulum"))
    places = {"run": str(run), "tmp": str(tmp_path)}
    assert main([argument.format(**places) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("dsf-export: error: ")
    assert sentence.format(**places) in error
    assert error.count("\n") == 1
