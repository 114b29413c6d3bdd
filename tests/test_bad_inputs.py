"""Files that are wrong, given to the commands that read them: one sentence, status 2, and nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import hw_profiles
from dsf_common.files import sha256_of
from dsf_export.command_export import main as dsf_export
from dsf_models.checkpoint import load_tensors
from dsf_train.command_data import main as dsf_data
from dsf_train.command_train import main as dsf_train
from dsf_train.datasets.demonstrations import record_demonstrations
from hw_profiles.command_report import main as dsf_report
from neuro_runtime.command_run import main as dsf_run
from neuro_runtime.environments import load_environment_spec
from support.saved_run import write_saved_run
from support.spoiled_files import (
    Spoil,
    a_link_to_itself,
    a_pipe,
    empty,
    gone,
    points_at_a_pipe,
    random_bytes,
    text,
    truncated,
)

COMMANDS = {
    "dsf-data": dsf_data,
    "dsf-train": dsf_train,
    "dsf-export": dsf_export,
    "dsf-run": dsf_run,
    "dsf-report": dsf_report,
}
OLD_RUN = ["env=pendulum", "name=old", "steps=2", "final_episodes=1", "dataset=pendulum.hdf5"]
TRAIN = "dsf-train env=pendulum name=new steps=2 final_episodes=1 dataset=pendulum.hdf5"
RESUME = " ".join(["dsf-train", "--resume", *OLD_RUN, "model.embedding_size=8"])
EXPORT = "dsf-export model.pt --target lava --decisions 2"
FROM_NIR = "dsf-export program.nir --target lava --decisions 2"
FROM_PROGRAM = "dsf-export program.dsf.h5 --target nir --decisions 2"
RUN = "dsf-run --backend interpreter policy=program.dsf.h5"
RUN_MODEL = "dsf-run --backend torch policy=model.pt"
RUN_ELSEWHERE = RUN_MODEL + " env=pen-h"
IMPORT = "dsf-train --import-published model.pt env=pendulum name=imported"
REPORT = "dsf-report run"
WITH_PROFILE = "dsf-report run --profile chip.yaml"

PROFILES = Path(hw_profiles.__file__).parent / "profiles"


def with_dataset(name: str, change: Callable[[np.ndarray], np.ndarray] | None) -> Spoil:
    """An HDF5 file with one dataset changed, or taken out."""

    def spoil(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            values = file[name][()]
            del file[name]
            if change:
                file[name] = change(values)

    return spoil


def narrower_model(path: Path) -> None:
    content = load_tensors(path)
    content["weights"]["head.weight"] = torch.zeros(1, 3)
    torch.save(content, path)


def published_without_batch_norm(path: Path) -> None:
    torch.save({"transformer.transformer.blocks.0.attn.q_m.weight": torch.ones(8, 8)}, path)


def another_model(path: Path) -> None:
    torch.save({"step": 1, "weights": {"conv.weight": torch.ones(3)}, "optimiser": {}}, path)


def narrower_synapses(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(lambda name: names.append(name) if name.endswith("/weight") else None)
        values = file[names[0]][()]
        del file[names[0]]
        file[names[0]] = values[:, :-1]


BAD_INPUTS: list[tuple[str, str, Spoil, str]] = [
    (TRAIN, "pendulum.hdf5", gone, "there is no dataset"),
    (TRAIN, "pendulum.hdf5", empty, "no readable HDF5 dataset"),
    (TRAIN, "pendulum.hdf5", random_bytes, "no readable HDF5 dataset"),
    (TRAIN, "pendulum.hdf5", truncated, "no readable HDF5 dataset"),
    (TRAIN, "pendulum.hdf5", a_pipe, "there is no dataset"),
    (TRAIN, "pendulum.hdf5", a_link_to_itself, "there is no dataset"),
    (TRAIN, "pendulum.hdf5", points_at_a_pipe("rewards"), "keeps rewards in pipe, which is no file"),
    (TRAIN, "pendulum.hdf5", with_dataset("rewards", None), "it has no rewards"),
    (TRAIN, "pendulum.hdf5", with_dataset("actions", lambda a: a[:-5]), "actions"),
    (TRAIN, "pendulum.hdf5", with_dataset("observations", lambda o: o[:, :2]), "observations"),
    (TRAIN, "pendulum.hdf5", with_dataset("actions", lambda a: np.repeat(a, 2, axis=1)), "actions"),
    (TRAIN, "pendulum.hdf5", with_dataset("rewards", lambda r: np.full_like(r, np.nan)), "rewards"),
    ("dsf-data info pendulum.hdf5 env=pendulum", "pendulum.hdf5", truncated, "no readable HDF5 dataset"),
    (RESUME, "runs/pendulum/old/checkpoint.pt", truncated, "not a readable PyTorch file"),
    (RESUME, "runs/pendulum/old/checkpoint.pt", another_model, "is no checkpoint of this run"),
    (RESUME, "runs/pendulum/old/config.yaml", text("steps: [\n"), "is damaged"),
    (RESUME, "runs/pendulum/old/config.yaml", random_bytes, "is damaged"),
    (RESUME, "runs/pendulum/old/metrics.jsonl", text('{"step": 1}\nstep 2\n'), "is damaged at line 2"),
    (IMPORT, "model.pt", truncated, "not a readable PyTorch file"),
    (IMPORT, "model.pt", published_without_batch_norm, "model.pt: this published checkpoint was trained with"),
    (EXPORT, "model.pt", gone, "there is no"),
    (EXPORT, "model.pt", a_pipe, "there is no"),
    (EXPORT, "model.pt", a_link_to_itself, "there is no"),
    (EXPORT, "model.pt", random_bytes, "not a readable PyTorch file"),
    (EXPORT, "model.pt", truncated, "not a readable PyTorch file"),
    (EXPORT, "model.pt", narrower_model, "is damaged: size mismatch"),
    (RUN_MODEL, "model.pt", narrower_model, "is damaged"),
    (RUN_ELSEWHERE, "model.pt", Path.touch, "but pen-h has 45 and 24"),
    (RUN, "program.dsf.h5", gone, "no policy"),
    (RUN, "program.dsf.h5", a_pipe, "there is no program"),
    (RUN, "program.dsf.h5", points_at_a_pipe("header"), "keeps header in pipe, which is no file"),
    (RUN, "program.dsf.h5", random_bytes, "not a readable program file"),
    (RUN, "program.dsf.h5", truncated, "not a readable program file"),
    (RUN, "program.dsf.h5", with_dataset("arrays/encoder/bias", lambda b: b[:-1]), "does not match its hash"),
    (FROM_PROGRAM, "program.dsf.h5", empty, "not a readable program file"),
    (FROM_NIR, "program.nir", gone, "there is no"),
    (FROM_NIR, "program.nir", points_at_a_pipe("node"), "keeps node in pipe, which is no file"),
    (FROM_NIR, "program.nir", random_bytes, "not a readable NIR file"),
    (FROM_NIR, "program.nir", truncated, "not a readable file"),
    (FROM_NIR, "program.nir", narrower_synapses, "program.nir"),
    (REPORT, "run/run.json", a_pipe, "no run"),
    (REPORT, "run/network.h5", points_at_a_pipe("header"), "keeps header in pipe, which is no file"),
    (REPORT, "run/run.json", truncated, "not readable JSON"),
    (REPORT, "run/run.json", text("{}"), "it has no activity"),
    (WITH_PROFILE, "chip.yaml", text("name: [\n"), "chip.yaml"),
    (WITH_PROFILE, "chip.yaml", text("name: mine\n"), "chip.yaml"),
]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good file of every kind."""
    folder = tmp_path_factory.mktemp("good")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        record_demonstrations(load_environment_spec("pendulum"), Path("pendulum.hdf5"), episodes=3, seed=0)
        assert dsf_train([*OLD_RUN, "model.embedding_size=8"]) == 0
        shutil.copy("runs/pendulum/old/model.pt", "model.pt")
        assert dsf_export(["model.pt", "--target", "nir", "--decisions", "2", "--output", "program.nir"]) == 0
        assert dsf_export(["model.pt", "--target", "lava", "--decisions", "2"]) == 0
        Path("run").mkdir()
        write_saved_run(Path("run"))
    return folder


@pytest.fixture
def here(good: Path, tmp_path: Path) -> Path:
    """A copy of the good files to spoil, and to work in."""
    shutil.copytree(good, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(line: str) -> int:
    command, *arguments = line.split()
    return COMMANDS[command](arguments)


def contents(folder: Path) -> dict[str, str]:
    """Every file with its hash."""
    return {str(path.relative_to(folder)): sha256_of(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("line", dict.fromkeys(line for line, *_ in BAD_INPUTS))
def test_the_same_command_accepts_good_files(here: Path, line: str) -> None:
    """So each refusal below is for what was spoilt; two commands are refused for another reason than a file."""
    Path("chip.yaml").write_text((PROFILES / "cmos45-paper.yaml").read_text().replace("cmos45-paper", "chip"))
    expected = 2 if line in (IMPORT, RUN_ELSEWHERE) else 0
    assert run(line) == expected


@pytest.mark.parametrize(
    ("line", "file", "spoil", "sentence"),
    BAD_INPUTS,
    ids=[f"{line.split()[0]}-{Path(file).name}-{number}" for number, (line, file, *_) in enumerate(BAD_INPUTS)],
)
def test_a_bad_input_is_one_sentence_and_loses_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, file: str, spoil: Spoil, sentence: str
) -> None:
    spoil(here / file)
    before = contents(here)
    assert run(line) == 2
    output = capsys.readouterr()
    assert output.out == ""
    *progress, error = output.err.splitlines()
    assert error.startswith(f"{line.split()[0]}: error: ")
    assert sentence in error
    assert not any("Traceback" in text or "error" in text for text in progress)
    assert contents(here) == before


def test_the_table_is_long_enough() -> None:
    assert len(BAD_INPUTS) >= 25
