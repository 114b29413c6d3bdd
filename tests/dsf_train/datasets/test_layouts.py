"""Every layout that is read gives the same episodes, and any other says how it becomes one that is."""

from __future__ import annotations

import gzip
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsf_train.command_data import main
from support.recorded_trajectories import (
    LAYOUTS,
    Trajectory,
    flat,
    robomimic,
    trajectories,
    write_columnar,
    write_decision_transformer_pickle,
    write_flat,
    write_minari,
    write_npz,
)
from support.small_datasets import opened


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "root"))


@pytest.fixture
def info(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """The output of `dsf-data info` on a dataset of the pendulum."""

    def ask(path: Path | str, *options: str) -> dict[str, Any]:
        status = main(["info", str(path), "env=pendulum", *options, "--json"])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        answer: dict[str, Any] = json.loads(captured.out)
        return answer

    return ask


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one sentence with which `dsf-data info` refuses a dataset."""

    def ask(path: Path | str, *options: str) -> str:
        assert main(["info", str(path), *(options or ("env=pendulum",))]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err

    return ask


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_episodes(layout: str, tmp_path: Path, info: Callable[..., dict[str, Any]]) -> None:
    if "Arrow" in layout or "Parquet" in layout:
        pytest.importorskip("pyarrow")
    write, options = LAYOUTS[layout]
    made = trajectories()
    said = info(write(tmp_path, made), *options)
    returns = [float(one["rewards"].sum(dtype=np.float64)) for one in made]
    assert (said["episodes"], said["steps"]) == (3, 90)
    assert said["return_quantiles"][::2] == pytest.approx([min(returns), np.median(returns), max(returns)])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_joined_and_cut_alike(layout: str, tmp_path: Path) -> None:
    if "Arrow" in layout or "Parquet" in layout:
        pytest.importorskip("pyarrow")
    write, options = LAYOUTS[layout]
    made = trajectories()
    columns = opened(write(tmp_path, made), "action_low=-1", "action_high=1", *options)
    assert np.array_equal(columns.observations, np.concatenate([one["observations"][:-1] for one in made]))
    assert np.array_equal(columns.actions, np.concatenate([one["actions"] for one in made]))
    assert columns.ends.tolist() == [30, 60, 90]


def test_several_files_and_folders_are_one_dataset(tmp_path: Path, info: Callable[..., dict[str, Any]]) -> None:
    first = write_flat(tmp_path / "a.hdf5", flat(trajectories()))
    second = write_minari(tmp_path / "b", trajectories(seed=1))
    assert info(f"{first},{second}")["episodes"] == 6


class Bomb:
    """Loading a pickle of it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_never_loaded_and_its_conversion_is_told(tmp_path: Path, refusal: Callable[..., str]) -> None:
    for name in ("hopper-medium-v2.pkl", "data.hdf5"):
        (tmp_path / name).write_bytes(pickle.dumps([Bomb(tmp_path / "exploded")]))
        assert "is a pickle" in (said := refusal(tmp_path / name))
        assert "timeouts that are 1 at each one's last step" in said
    assert not (tmp_path / "exploded").exists()


def test_the_conversion_in_the_docs_makes_a_file_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, info: Callable[..., dict[str, Any]]
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    code = page.partition("```python\nimport pickle")[2].partition("```")[0]
    write_decision_transformer_pickle(tmp_path / "hopper-medium-v2.pkl", trajectories())
    monkeypatch.chdir(tmp_path)
    exec("import pickle" + code, {})
    assert info("hopper-medium-v2.hdf5")["episodes"] == 3


def without(column: str, made: list[Trajectory]) -> dict[str, Any]:
    content = robomimic(made)
    for demonstration in content["data"].values():
        del demonstration[column]
    return content


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# A record as it is written, and the words about it.
REFUSED: dict[str, tuple[Callable[[Path, list[Trajectory]], Path], str]] = {
    "npz of objects": (
        lambda folder, made: write_npz(folder / "x.npz", observations=np.array([1, "a", None], dtype=object)),
        "save the columns of each trajectory as arrays of their own, observations_0",
    ),
    "npz, damaged": (
        lambda folder, made: written(folder / "x.npz", b"PK\x03\x04 no archive"),
        "is no readable npz archive",
    ),
    "npz, time-major": (
        lambda folder, made: write_npz(
            folder / "x.npz", **{key: np.swapaxes(np.stack([one[key] for one in made]), 0, 1) for key in made[0]}
        ),
        "swap the first two axes of all columns",
    ),
    "npz, a trajectory without rewards": (
        lambda folder, made: write_npz(folder / "x.npz", observations_0=np.zeros((3, 3)), actions_0=np.zeros((2, 1))),
        "trajectory 0, has no rewards",
    ),
    "one array": (
        lambda folder, made: written(folder / "x.npy", b"\x93NUMPY\x01\x00"),
        "holds neither HDF5 nor an npz archive",
    ),
    "a text named npz": (
        lambda folder, made: written(folder / "x.npz", b"observations 0 1 2\n"),
        "holds neither HDF5 nor an npz archive",
    ),
    "a compressed file": (
        lambda folder, made: written(folder / "x.hdf5.gz", gzip.compress(b"HDF")),
        "is compressed by gzip; unpack it first",
    ),
    "a comma too many": (lambda folder, made: Path(f"{write_flat(folder / 'x.hdf5', flat(made))},"), "lacks a name"),
    "one file twice": (
        lambda folder, made: Path(f"{write_flat(folder / 'x.hdf5', flat(made))},{folder}/../{folder.name}/x.hdf5"),
        "names a file or folder twice",
    ),
    "robomimic without rewards": (
        lambda folder, made: write_flat(folder / "x.hdf5", without("rewards", made)),
        "demo_0, has no rewards; robomimic's dataset_states_to_obs.py writes them",
    ),
    "robomimic without keys": (
        lambda folder, made: write_flat(folder / "x.hdf5", robomimic(made)),
        "in parts (arm (1), object (2)), and pendulum does not say how they go together; name them",
    ),
    "other names": (
        lambda folder, made: write_flat(folder / "x.hdf5", {"obs": np.zeros((3, 3)), "rewards": np.zeros(3)}),
        "has no observations or actions or terminals; it holds obs, rewards",
    ),
    "something else": (
        lambda folder, made: write_flat(folder / "x.hdf5", {"weights": {"a": np.zeros(3)}}),
        "it holds weights",
    ),
    "environments side by side": (
        lambda folder, made: write_flat(
            folder / "x.hdf5", {name: np.zeros((20, 4, *values.shape[1:])) for name, values in flat(made).items()}
        ),
        "lay several environments or trajectories one after another",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_read_says_how_it_can_be(case: str, tmp_path: Path, refusal: Callable[..., str]) -> None:
    write, words = REFUSED[case]
    assert words in refusal(write(tmp_path, trajectories()))


@pytest.mark.parametrize("name", ["hopper-m-mine.hdf5", "pendulum.hdf5", "pen-e.npz", "hopper.hdf5"])
def test_no_environment_is_guessed_from_a_files_name(name: str, tmp_path: Path, refusal: Callable[..., str]) -> None:
    write_flat(tmp_path / name, flat(trajectories()))
    assert "tells no environment; add env=NAME" in refusal(tmp_path / name, "unfinished=drop")


def test_keys_that_are_not_there_are_told(tmp_path: Path, refusal: Callable[..., str]) -> None:
    path = write_flat(tmp_path / "x.hdf5", robomimic(trajectories()))
    assert "no observations called leg, only arm (1), object (2)" in refusal(
        path, "env=pendulum", "observation_keys=leg"
    )
    for keys, words in (("arm,arm", "has arm twice"), (",", "lacks a name beside a comma")):
        assert f"observation_keys={keys} {words}" in refusal(path, "env=pendulum", f"observation_keys={keys}")
    whole = write_flat(tmp_path / "y.hdf5", flat(trajectories()))
    assert "in one piece; leave out observation_keys" in refusal(whole, "env=pendulum", "observation_keys=a")


def test_a_columnar_dataset_without_pyarrow_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Callable[..., str]
) -> None:
    folder = write_minari(tmp_path / "x", trajectories())
    description = folder / "data" / "metadata.json"
    description.write_text(description.read_text().replace("hdf5", "parquet"))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "takes PyArrow to read; run `pip install pyarrow`" in refusal(folder)


@pytest.mark.parametrize("data_format", ["arrow", "parquet"])
def test_a_damaged_part_of_a_columnar_dataset_gets_one_sentence(
    data_format: str, tmp_path: Path, refusal: Callable[..., str]
) -> None:
    pytest.importorskip("pyarrow")
    folder = write_columnar(tmp_path / "x", trajectories(), data_format)
    part = folder / "data" / "1" / f"part-0.{data_format}"
    part.write_bytes(part.read_bytes()[:200])
    assert "is no readable Minari dataset" in refusal(folder)
    part.unlink()
    assert f"holds no part-….{data_format}" in refusal(folder)
