"""HDF5 files are whole, or not there."""

from __future__ import annotations

import errno
from pathlib import Path

import h5py
import pytest

from dsf_common.files import atomic_write
from dsf_common.hdf5 import atomic_hdf5


def test_a_file_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.h5"
    with atomic_hdf5(path) as file:
        file["numbers"] = [1, 2]
        assert not path.exists()
    with h5py.File(path, "r") as again:
        assert again["numbers"][()].tolist() == [1, 2]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with (
        pytest.raises(OSError, match=r"No space left on device: '.*file\.h5'"),
        atomic_hdf5(tmp_path / "file.h5") as file,
    ):
        file["numbers"] = [1, 2]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_takes_no_file_is_told_by_the_name_that_was_asked_for(tmp_path: Path) -> None:
    def refuse(temporary: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(temporary))

    with (
        pytest.raises(PermissionError, match=r"Operation not permitted: '[^']*/file\.h5'"),
        atomic_write(tmp_path / "file.h5") as outer,
        atomic_write(outer) as inner,
    ):
        refuse(inner)
