"""Where datasets come from: D4RL's cache, Minari's, made here, a download, or a sentence that says what to do."""

from __future__ import annotations

import io
import urllib.error
from collections.abc import Callable
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_train.datasets import find_dataset, locate_dataset
from dsf_train.datasets.demonstrations import DEMONSTRATORS
from dsf_train.datasets.pendulum import PENDULUM
from neuro_runtime.environments import load_environment_spec
from support.small_datasets import d4rl_columns, load_episodes, write_hdf5, write_minari

HOPPER = load_environment_spec("hopper-m")


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "d4rl"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes a server that gives ``content``, whatever it is asked, and notes what that was."""

    def start(content: bytes, announced: int | None = None) -> list[str]:
        asked: list[str] = []

        class Response(io.BytesIO):
            headers = Message()

        def urlopen(address: str, timeout: float) -> Response:
            asked.append(address)
            response = Response(content)
            if announced is not None:
                response.headers["Content-Length"] = str(announced)
            return response

        monkeypatch.setattr("urllib.request.urlopen", urlopen)
        return asked

    return start


@pytest.fixture
def hopper_bytes(tmp_path: Path) -> bytes:
    path: Path = write_hdf5(tmp_path / "elsewhere.hdf5", d4rl_columns())
    return path.read_bytes()


def kind_found() -> str:
    found = find_dataset(HOPPER)
    return found.kind if found else "nothing"


def test_order_of_places(tmp_path: Path) -> None:
    assert kind_found() == "nothing"
    write_minari(tmp_path / "minari" / "mujoco" / "hopper" / "medium-v0")
    assert kind_found() == "minari"
    write_hdf5(tmp_path / "d4rl" / "hopper_medium-v2.hdf5", d4rl_columns())
    assert kind_found() == "d4rl"
    given = locate_dataset(HOPPER, write_hdf5(tmp_path / "given.hdf5", d4rl_columns()))
    assert (given.kind, given.paths) == ("file", (tmp_path / "given.hdf5",))


def test_home_in_a_given_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    data = write_hdf5(tmp_path / "data.hdf5", d4rl_columns())
    assert locate_dataset(HOPPER, Path("~/data.hdf5")).paths == (data,)


def test_medium_expert_is_one_file_or_both_parts(tmp_path: Path) -> None:
    spec = load_environment_spec("hopper-m-e")
    for part in ("medium", "expert"):
        assert find_dataset(spec) is None
        write_hdf5(tmp_path / "d4rl" / f"hopper_{part}-v2.hdf5", d4rl_columns())
    assert len(load_episodes(spec)) == 4
    write_hdf5(tmp_path / "d4rl" / "hopper_medium_expert-v2.hdf5", d4rl_columns())
    assert len(load_episodes(spec)) == 2


def test_download_lands_in_d4rls_cache(tmp_path: Path, server: Callable[..., list[str]], hopper_bytes: bytes) -> None:
    asked = server(hopper_bytes, announced=len(hopper_bytes))
    location = locate_dataset(HOPPER)
    assert asked == ["http://rail.eecs.berkeley.edu/datasets/offline_rl/gym_mujoco_v2/hopper_medium-v2.hdf5"]
    assert location.paths == (tmp_path / "d4rl" / "hopper_medium-v2.hdf5",)
    assert len(load_episodes(HOPPER)) == 2
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("content", "announced", "message"),
    [
        (b"half", 8, "connection ended after 4 of 8 bytes"),
        (b"<html>log in first</html>", None, "is no HDF5 file"),
        (b"", None, "is no HDF5 file"),
    ],
)
def test_bad_download_leaves_nothing(
    tmp_path: Path, server: Callable[..., list[str]], content: bytes, announced: int | None, message: str
) -> None:
    server(content, announced)
    with pytest.raises(UserError, match=f"{message}.*hopper_medium-v2"):
        locate_dataset(HOPPER)
    assert list((tmp_path / "d4rl").iterdir()) == []


def test_without_a_network_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    advice = r"put hopper_medium-v2\.hdf5 into .*minari download mujoco/hopper/medium-v0.*dataset=FILE"
    with pytest.raises(UserError, match=advice):
        locate_dataset(HOPPER)


def test_generated_dataset_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEMONSTRATORS, "Pendulum-v1", replace(PENDULUM, episodes=2))
    spec = load_environment_spec("pendulum-hidden")
    assert find_dataset(spec) is None
    episodes = load_episodes(spec)
    [path] = (tmp_path / "cache" / "datasets").iterdir()
    before = path.stat().st_mtime_ns
    again = load_episodes(spec)
    assert path.stat().st_mtime_ns == before
    assert all(np.array_equal(a.actions, b.actions) for a, b in zip(episodes, again, strict=True))
    assert episodes[0].observations.shape == (200, 2)
