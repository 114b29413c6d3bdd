"""A file that is whole is not called damaged, and no advice removes anything."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import h5py
import pytest

from dsf_common.errors import UserError
from dsf_common.read_errors import unreadable
from support.small_datasets import read_d4rl


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BlockingIOError(errno.EAGAIN, "Unable to open file (unable to lock file, errno = 11)"), "in use by another"),
        (OSError("Can't read data (can't open directory (/usr/local/hdf5/lib/plugin))"), "filter of HDF5 that is not"),
        (OSError("Can't read data (required filter 'blosc' is not registered)"), "filter of HDF5 that is not"),
        (OSError(errno.EIO, "Unable to read"), "cannot be read now: Input/output error"),
        (OSError("Unable to open file (truncated file: eof = 96)"), "is no readable HDF5 dataset"),
        (KeyError("observations"), "is no readable HDF5 dataset"),
    ],
)
def test_the_cause_is_told(error: Exception, words: str) -> None:
    sentence = str(unreadable(Path("mine.hdf5"), error, "HDF5 dataset", "get another copy"))
    assert sentence.startswith("mine.hdf5 ")
    assert words in sentence
    assert not any(word in sentence for word in ("remove", "delete", "fetch it again"))


def test_a_dataset_that_is_being_recorded_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "recording.hdf5"
    with h5py.File(path, "w") as file:
        file["rewards"] = [1.0]
    with path.open("rb") as recorder:
        fcntl.flock(recorder, fcntl.LOCK_EX)  # as HDF5 locks what it writes
        with pytest.raises(UserError, match="is in use by another process"):
            next(read_d4rl(path, 10))
