"""``dsf-run`` from the command line to the saved run, and every way to call it wrongly."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import Terminated
from hw_profiles.chip_arithmetic import Extreme
from hw_profiles.command_report import main as report
from hw_profiles.network_file import load_network
from hw_profiles.raster_file import load_raster
from hw_profiles.report import page_writer
from hw_profiles.run_record import load_record
from neuro_runtime import policy_files, run_of_call
from neuro_runtime.command_run import main
from neuro_runtime.episodes import video
from neuro_runtime.program.nodes import Accumulator, CurrentInput
from neuro_runtime.program.storage import save_program
from support.small_programs import make_program
from tests.neuro_runtime.run_doubles import CountingEnvironment, tiny_loihi_program, tiny_program, write_tiny_program

INTERPRETER = ["--backend", "interpreter"]


@pytest.fixture
def program_file(tmp_path: Path) -> Path:
    return write_tiny_program(tmp_path)


@pytest.fixture(autouse=True)
def _short_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three steps in place of the pendulum's two hundred."""
    monkeypatch.setattr(run_of_call, "make_environment", lambda name, render_mode=None, **_: CountingEnvironment())


def test_a_run_is_printed_saved_and_priced(program_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*INTERPRETER, f"policy={program_file}", "episodes=2", "seed=3", "out=saved"]) == 0
    printed = capsys.readouterr().out
    for words in (
        "pendulum on interpreter",
        "over 2 episodes",
        "95 % interval 6.0 … 6.0",
        "hidden",
        "[cmos45-paper]",
        "[loihi1-measured]",
        "Horowitz, ISSCC 2014",
        "not counted: ",
        "saved saved",
    ):
        assert words in printed
    record = json.loads(Path("saved/run.json").read_text())
    assert [episode["seed"] for episode in record["episodes"]] == [3, 4]
    with h5py.File("saved/trace.h5") as trace:
        assert trace["decisions/reward"][()].tolist() == [1.0, 2.0, 3.0] * 2
    assert report(["saved", "--profile", "cmos45-paper"]) == 0


def test_json_is_one_document_and_the_same_that_is_saved(
    program_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*INTERPRETER, "--json", f"policy={program_file}", "env=pendulum", "return_target=12.5"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["return_target"] == 12.5
    assert document["return"] == {"mean": 6.0, "standard_error": None, "low": None, "high": None}
    (folder,) = Path("runs/pendulum").iterdir()
    assert document == json.loads((folder / "run.json").read_text())


def test_the_home_folder_is_found_where_the_shell_leaves_it(
    program_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert main([*INTERPRETER, f"policy={program_file}", "out=~/saved"]) == 0
    assert report(["~/saved", "--profile", "cmos45-paper", "--out=~/report"]) == 0
    assert (tmp_path / "home" / "report" / "report.html").exists()
    assert not Path("~").exists()


def test_profiles_can_be_chosen(program_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*INTERPRETER, f"policy={program_file}", "--profile", "loihi1-davies2018"]) == 0
    assert "[cmos45-paper]" not in capsys.readouterr().out


def test_a_run_of_a_program_keeps_what_its_report_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_program(tiny_loihi_program(), tmp_path / "tiny.dsf.h5")
    arguments = [*INTERPRETER, "policy=tiny.dsf.h5", "episodes=2", "out=saved", "--profile", "loihi1-davies2018"]
    assert main([*arguments, "--report", "page"]) == 0
    assert "report page/report.html" in capsys.readouterr().out
    record = json.loads(Path("saved/run.json").read_text())
    assert record["command"] == shlex.join(["dsf-run", *arguments, "--report", "page"])
    assert record["stages"]["note"].startswith("The trained model was not run: policy tiny.dsf.h5 has no trained model")
    network, raster = load_network("saved/network.h5"), load_raster("saved/raster.h5")
    assert {population.name for population in network.populations} == set(record["activity"]["by_population"])
    assert raster.decision == 2
    with h5py.File("saved/trace.h5") as trace:
        spikes = {layer: counts[()] for layer, counts in trace["spikes"].items()}
    assert {layer: fired.sum() for layer, fired in raster.spikes.items()} == {
        layer: counts[raster.decision] for layer, counts in spikes.items()
    }
    written = json.loads(Path("page/report.json").read_text())
    (answer,) = written["profiles"]
    stream = answer["layouts"][0]
    assert stream["placement"]["cores"] >= 1
    assert stream["energy"]["total"]["nominal"] == pytest.approx(record["energy"][0]["total_pj"])
    assert report(["saved", "--profile", "loihi1-davies2018"]) == 0


@pytest.mark.parametrize(
    ("observed", "stands", "line", "page"),
    [
        (100, "observed", "inside the portable subset, as far as observed: ", "at 1 as far as observed"),
        (
            None,
            "outside",
            "outside the portable subset, where emulators of Loihi may part: ",
            "leaves it at 1 of 2 nodes",
        ),
    ],
)
def test_a_program_that_no_bound_keeps_in_the_subset_is_called_observed_everywhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    observed: int | None,
    stands: str,
    line: str,
    page: str,
) -> None:
    reached = [
        Extreme("hidden", "hidden", "arrival", 40_000, observed),
        Extreme("action", "action", "arrival", 7, observed),
    ]
    monkeypatch.setattr(run_of_call, "extremes", lambda program, observed: reached)
    save_program(tiny_loihi_program(), tmp_path / "loihi.dsf.h5")
    assert main([*INTERPRETER, f"policy={tmp_path / 'loihi.dsf.h5'}", "out=saved", "--report"]) == 0
    assert line in capsys.readouterr().out
    assert json.loads(Path("saved/run.json").read_text())["portable"] == stands
    assert page in Path("saved/report.html").read_text()


@pytest.mark.parametrize("where", [["--report", "policy={program}"], ["policy={program}", "--report"]])
def test_a_report_without_a_folder_goes_into_the_run(program_file: Path, where: list[str]) -> None:
    assert main([*INTERPRETER, "out=saved", *(word.format(program=program_file) for word in where)]) == 0
    assert {"report.html", "report.json", "run.json", "trace.h5", "raster.h5"} == {
        path.name for path in Path("saved").iterdir()
    }
    notes = json.loads(Path("saved/report.json").read_text())["notes"]
    assert "no program in Loihi's integers" in notes[0]  # the tiny program is in float


def test_a_report_without_its_libraries_is_refused_before_the_run(
    program_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page_writer, "find_spec", lambda name: None)
    assert main([*INTERPRETER, f"policy={program_file}", "--report"]) == 2
    assert "not installed: pip install 'decision-spikeformer[report]'" in capsys.readouterr().err
    assert not Path("runs").exists()
    assert main([*INTERPRETER, f"policy={program_file}"]) == 0


@pytest.mark.parametrize("name", ["film.gif", "film.mp4"])
def test_a_run_is_filmed(program_file: Path, name: str) -> None:
    import imageio.v2

    assert main([*INTERPRETER, f"policy={program_file}", "--video", name]) == 0
    frames = imageio.v2.mimread(name)
    assert len(frames) == 4  # the reset and three steps
    assert frames[0].shape == (32, 48, 3)


def test_a_layer_that_never_fires_is_named(
    program_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert main([*INTERPRETER, f"policy={program_file}"]) == 0
    assert "never fired" not in caplog.text
    program = tiny_program()
    deaf = dataclasses.replace(program, connections=program.connections[:1])  # the hidden layer hears nothing
    save_program(deaf, tmp_path / "deaf.dsf.h5")
    assert main([*INTERPRETER, "policy=deaf.dsf.h5"]) == 0
    assert "never fired in the whole run: hidden" in caplog.text


def test_a_program_without_spiking_neurons_runs_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As passes leave of an untrained policy whose neurons never fire; it has no raster."""
    program = make_program([CurrentInput("token", 2), Accumulator("action", 1)], [], active_steps=2, period=2)
    save_program(program, tmp_path / "still.dsf.h5")
    assert main([*INTERPRETER, "policy=still.dsf.h5", "out=run", "--report", "page"]) == 0
    assert not Path("run/raster.h5").exists()
    assert load_record(Path("run/run.json")).raster is None
    assert Path("page/report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to run: env=NAME for a shipped policy, or policy=FILE"),
        (["env=pendulm", "policy={program}"], "pendulm"),
        (["env=pendulm"], "pendulm"),
        (["env=pen-h", "policy={program}"], "takes 3 observations and gives 1 actions, but pen-h has 45 and 24"),
        (["env=pendulum"], "no policy ships for pendulum"),
        (["policy=nowhere.dsf.h5"], "no policy 'nowhere.dsf.h5'"),
        (["policy={notes}"], "is not a policy"),
        (["policy={network}"], "give it samples by input=FILE.npz"),
        (["policy={program}", "episodes=0"], "episodes must be at least 1, got 0"),
        (["policy={program}", "episodes=some"], "cannot set episodes to 'some'"),
        (["policy={program}", "episode=1"], "unknown key 'episode': did you mean episodes?"),
        (["policy={program}", "seed=-1"], "seed must not be negative"),
        (["policy={program}", "return_target=nan"], "return_target must be finite"),
        (["policy={program}", "3"], "expected key=value, got '3'"),
        (["policy={program}", "--backend", "interpretor"], "no backend 'interpretor': did you mean interpreter?"),
        (["policy={program}", "--backend", ""], "--backend has no value"),
        (["policy={program}", *["--profile", "loihi2"] * 2], "profile loihi2 is given twice: leave one out"),
        (["policy={program}", "--backend", "torch"], "has no trained model"),
        (["policy={program}", "--report", "{notes}"], "notes.txt is a file, and a report is written into a folder"),
        (["policy={program}", "--profile", "loihi3"], "no profile 'loihi3'"),
        (["policy={program}", "--profile", "cmos45-int8-ann"], "prices the ANN baselines"),
        (["policy={program}", "--profile", "xylo"], "has no price of any event"),
        (["policy={program}", "--video", "film.avi"], "the name must end in .mp4 or .gif"),
        (["policy={program}", "--video", "{notes}/film.gif"], "notes.txt"),
        (["policy={program}", "out={taken}"], "already holds a run"),
        (["policy={program}", "out={notes}"], "notes.txt is a file; give another name"),
        (["policy={program}", "out={notes}/run"], "notes.txt is a file; give another name"),
        (["policy={program}", "episodes="], "episodes= has no value; leave it out for the default, 1"),
        (["policy={random}"], "random.dsf.h5"),
        (["policy={truncated}"], "truncated.dsf.h5"),
    ],
)
def test_a_wrong_call_ends_with_status_2_and_one_line(
    arguments: list[str],
    message: str,
    program_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(policy_files, "PRETRAINED", tmp_path / "pretrained")
    files = {"program": program_file, "notes": tmp_path / "notes.txt", "taken": tmp_path / "taken"}
    files |= {name: tmp_path / f"{name}.dsf.h5" for name in ("random", "truncated")}
    files["notes"].write_text("notes")
    files["network"] = tmp_path / "network.nir"
    files["network"].touch()
    files["taken"].mkdir()
    (files["taken"] / "run.json").write_text("{}")
    files["random"].write_bytes(bytes(range(256)))
    files["truncated"].write_bytes(program_file.read_bytes()[:1000])
    assert main([*INTERPRETER, *(argument.format(**files) for argument in arguments)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("dsf-run: error: ")
    assert message in output.err
    assert output.err.count("\n") == 1
    assert not list(Path.cwd().glob("runs/*/*"))


def test_filming_without_its_library_names_the_extra(
    program_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(video, "find_spec", lambda name: None)
    assert main([*INTERPRETER, f"policy={program_file}", "--video", "film.mp4"]) == 2
    assert "needs imageio, which is not installed: pip install 'decision-spikeformer[video]'" in capsys.readouterr().err


def test_an_environment_that_cannot_draw_says_why(
    program_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def render(self: CountingEnvironment) -> None:
        raise ImportError("no EGL")

    monkeypatch.setattr(CountingEnvironment, "render", render)
    assert main([*INTERPRETER, f"policy={program_file}", "--video", "film.mp4"]) == 2
    assert "the environment cannot be drawn here: no EGL" in capsys.readouterr().err
    assert not list(Path.cwd().glob("*film.mp4"))


class _StopsAtSeed(CountingEnvironment):
    """Fails, or is interrupted, in the episode of seed 2."""

    problem: type[BaseException] = ZeroDivisionError

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        if self.seeds[-1] == 2:
            raise self.problem
        return super().step(action)


@pytest.mark.parametrize(
    ("problem", "status", "words"),
    [
        (ZeroDivisionError, 2, "episode of seed 2, step 0: its step fails, ZeroDivisionError"),
        (KeyboardInterrupt, 130, "dsf-run: interrupted; the 2 episodes"),
        (Terminated, 143, "dsf-run: told to end; the 2 episodes"),
    ],
)
def test_episodes_that_ended_are_saved_where_a_later_one_fails(
    problem: type[BaseException],
    status: int,
    words: str,
    program_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(_StopsAtSeed, "problem", problem)
    monkeypatch.setattr(run_of_call, "make_environment", lambda name, render_mode=None, **_: _StopsAtSeed())
    assert main([*INTERPRETER, f"policy={program_file}", "episodes=4", "out=saved"]) == status
    told = capsys.readouterr().err
    assert words in told
    assert told.rstrip().endswith("the 2 episodes that had ended are a run of their own, saved")
    record = json.loads(Path("saved/run.json").read_text())
    assert [episode["seed"] for episode in record["episodes"]] == [0, 1]


def test_the_default_backend_is_one_that_is_installed_and_is_said(
    monkeypatch: pytest.MonkeyPatch,
    program_file: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("DSF_LAVA_PYTHON", "/nowhere/python")
    monkeypatch.setattr("neuro_runtime.backends.registry.find_spec", lambda name: None)
    assert main([f"policy={program_file}"]) == 0
    assert "pendulum on interpreter" in capsys.readouterr().out
    assert "Lava is missing, there is no Python at /nowhere/python" in caplog.text
    assert "interpreter runs the policy" in caplog.text
