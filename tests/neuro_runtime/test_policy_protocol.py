"""How a policy was trained goes with it: into program, NIR, what an export says, a run, and the report on it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_export.command_export import main as export_main
from dsf_export.namespace import NAMESPACE
from dsf_export.targets.nir import from_graph
from dsf_models.checkpoint import PolicyModel, load_model_file, save_model_file
from dsf_models.configuration import ModelConfig
from hw_profiles.loader import load_profile
from hw_profiles.report.assemble import report_of
from hw_profiles.report.saved_run import load_run
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.command_run import main as run_main
from support.random_policies import random_policy

WORDS = (
    "actions of −0.6 … 0.6, observations clipped at 5 deviations, returns divided by 1000, reward paid with the last"
)
DOCUMENT = {
    "return_target": 3000.0, "return_scale": 1000.0, "delayed_reward": True, "input_clip": 5.0,
    "action_low": [-0.6], "action_high": [0.6], "first_choice": None, "data_notes": ["x.hdf5 holds one episode"],
}  # fmt: skip


def policy() -> PolicyModel:
    """A pendulum's, trained under conditions that all differ from the usual."""
    config = ModelConfig(embedding_size=8, blocks=1, window=2, context=4, time_steps=2, mixing="delay")
    plain = random_policy(config, 3, 1, environment="pendulum")
    return replace(
        plain,
        normalisation=replace(plain.normalisation, input_clip=5.0),
        action_bounds=ActionBounds((-0.6,), (0.6,)),
        configuration={"delayed_reward": True},
        data_notes=("x.hdf5 holds one episode",),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's, with its program in both formats."""
    folder = tmp_path_factory.mktemp("run")
    save_model_file(folder / "model.pt", policy())
    for name in ("lava", "nir"):
        assert export_main([str(folder), "--target", name, "--decisions", "2"]) == 0
    return folder


def test_a_model_keeps_it(folder: Path) -> None:
    again = load_model_file(folder / "model.pt").protocol
    assert again == policy().protocol
    assert again.document() == DOCUMENT


def test_an_export_says_it_and_a_nir_file_holds_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    through = folder / "again.nir"
    assert (
        export_main([str(folder / "program.nir"), "--target", "nir", "--decisions", "2", "--output", str(through)]) == 0
    )
    out = capsys.readouterr().out
    assert f"protocol: {WORDS}" in out
    assert "note on its data: x.hdf5 holds one episode" in out
    command = [str(folder / "program.dsf.h5"), "--target", "nir", "--decisions", "2", "--output", str(through)]
    assert export_main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["program"]["protocol"] == DOCUMENT
    assert json.loads(nir.read(through).metadata[NAMESPACE]["protocol"]) == DOCUMENT


def test_a_nir_file_whose_protocol_was_changed_is_refused(folder: Path) -> None:
    graph = nir.read(folder / "program.nir")
    from_graph(graph)
    held = graph.metadata[NAMESPACE]
    held["protocol"] = held["protocol"].replace("0.6", "6.0")
    with pytest.raises(UserError, match="protocol is not that of its header"):
        from_graph(graph)


def test_a_run_and_its_report_say_it(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert run_main(["--backend", "interpreter", f"policy={folder / 'program.dsf.h5'}", f"out={run}"]) == 0
    assert f"protocol: {WORDS}" in capsys.readouterr().out
    assert json.loads((run / "run.json").read_text())["protocol"] == DOCUMENT
    report = report_of(load_run(run / "run.json"), [load_profile("cmos45-paper")])
    assert "Training data: x.hdf5 holds one episode." in report.notes
    held = {key: value for key, value in DOCUMENT.items() if key != "return_target"}
    assert json.loads(json.dumps(report.document()["protocol"])) == held


@pytest.mark.parametrize(
    ("asked", "words", "paid_last"),
    [
        ([], "trained with delayed reward, so each episode's is paid with its last step", True),
        (["delayed_reward=true"], "", True),
        (
            ["delayed_reward=false"],
            "trained with delayed reward and is run with delayed_reward=false: its score",
            False,
        ),
    ],
)
def test_a_run_pays_as_the_policy_was_trained_or_says_that_it_does_not(
    asked: list[str], words: str, paid_last: bool, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "run"
    call = ["--backend", "interpreter", f"policy={folder}", "episodes=1", f"out={out}", *asked]
    assert run_main(call) == 0
    assert words in caplog.text
    assert ("delayed reward" in caplog.text) == bool(words)
    with h5py.File(out / "trace.h5") as trace:
        rewards = trace["decisions/reward"][()]
    assert (np.count_nonzero(rewards) == 1) == paid_last
