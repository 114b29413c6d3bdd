"""HDF5 files that point into others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import dsf_common.hdf5_links as hdf5_links
from dsf_common.errors import UserError
from dsf_common.hdf5_links import reading_hdf5

ROWS = np.arange(4.0)


def _external_link(file: h5py.File, target: str) -> None:
    file["x"] = h5py.ExternalLink(target, "/x")


def _virtual(file: h5py.File, target: str) -> None:
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(target, "x", (4,))
    file.create_virtual_dataset("x", layout, fillvalue=0)


def _raw_storage(file: h5py.File, target: str) -> None:
    file.create_dataset("x", (4,), "f8", external=[(target, 0, 32)])


WAYS = [_external_link, _virtual, _raw_storage]


def _written(path: Path, point: Callable[[h5py.File, str], None], target: str) -> Path:
    with h5py.File(path, "w") as file:
        point(file, target)
    return path


@pytest.mark.parametrize("point", WAYS)
def test_what_lies_in_a_file_that_is_gone_is_named(point: Callable[[h5py.File, str], None], tmp_path: Path) -> None:
    path = _written(tmp_path / "a.h5", point, "gone.h5")
    with pytest.raises(UserError, match=r"a.h5 (keeps x in gone.h5|has in x a link)"), reading_hdf5(path) as file:
        file["x"][()]


@pytest.mark.parametrize("point", WAYS)
def test_nothing_waits_for_a_pipe(point: Callable[[h5py.File, str], None], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = _written(tmp_path / "a.h5", point, str(tmp_path / "pipe"))
    with pytest.raises(UserError, match=r"a.h5 keeps x in .*pipe, which is no file"), reading_hdf5(path) as file:
        file["x"][()]


@pytest.mark.parametrize("point", WAYS)
def test_what_lies_in_another_file_is_read(point: Callable[[h5py.File, str], None], tmp_path: Path) -> None:
    if point is _raw_storage:
        (tmp_path / "b").write_bytes(ROWS.tobytes())
    else:
        with h5py.File(tmp_path / "b", "w") as other:
            other["x"] = ROWS
    with reading_hdf5(_written(tmp_path / "a.h5", point, str(tmp_path / "b"))) as file:
        assert file["x"][()].tolist() == ROWS.tolist()


@pytest.mark.parametrize("to", ["/gone", "/x"])
def test_a_link_that_leads_nowhere_is_named(to: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = h5py.SoftLink(to), ROWS
    with reading_hdf5(tmp_path / "a.h5") as file:
        assert file["y"][0] == 0
    with (
        pytest.raises(UserError, match=r"a.h5 has in x a link that leads nowhere"),
        reading_hdf5(tmp_path / "a.h5") as file,
    ):
        file["x"][()]


def test_a_file_that_holds_its_content_is_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = ROWS
    with reading_hdf5(path) as file:
        assert file["x"][0] == 0
    monkeypatch.setattr(hdf5_links, "_require_targets", lambda *_: pytest.fail("it was looked through again"))
    with reading_hdf5(path) as file:
        assert file["x"][0] == 0


@pytest.mark.parametrize("point", WAYS)
def test_a_file_that_was_changed_is_looked_through_again(
    point: Callable[[h5py.File, str], None], tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["y"] = ROWS
    with reading_hdf5(path) as file:
        assert file["y"][0] == 0
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(path, "r+") as file:
        point(file, str(tmp_path / "pipe"))
    with pytest.raises(UserError, match="which is no file"), reading_hdf5(path) as file:
        file["x"][()]


@pytest.mark.parametrize("point", WAYS)
def test_a_file_that_points_elsewhere_is_looked_through_each_time(
    point: Callable[[h5py.File, str], None], tmp_path: Path
) -> None:
    target = tmp_path / "b"
    with h5py.File(target, "w") as other:
        other["x"] = ROWS
    path = _written(tmp_path / "a.h5", point, str(target))
    with reading_hdf5(path) as file:
        assert file["x"].shape == (4,)
    target.unlink()
    os.mkfifo(target)
    with pytest.raises(UserError, match="which is no file"), reading_hdf5(path) as file:
        file["x"][()]
