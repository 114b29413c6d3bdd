"""Which reader reads a dataset: by what it is, never by the name that somebody gave it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py

from dsf_common.errors import UserError
from dsf_common.files import require_readable
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.hdf5 import read_hdf5
from dsf_train.datasets.minari import read_minari
from dsf_train.datasets.npz import read_npz
from dsf_train.datasets.pickled import is_pickle, refused_pickle
from dsf_train.datasets.reading import Reading

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"  # an npz archive is one
_OTHERS = (
    ".npz",
    ".csv",
    ".tsv",
    ".json",
    ".jsonl",
    ".parquet",
    ".arrow",
    ".feather",
    ".npy",
    ".mat",
    ".txt",
    ".tfrecord",
)


def episodes_in(path: Path, reading: Reading) -> Iterator[Episode]:
    """The episodes of one file or folder, few in memory at a time.

    Raises
    ------
    UserError
        It is missing, damaged, of no layout that is known here, or a pickle.
    """
    if path.is_dir():
        return read_minari(path, reading)
    require_readable(path, f"there is no dataset {path}; `dsf-data list` shows what is here")
    if is_pickle(path):
        raise refused_pickle(path)
    if _starts_with(path, _GZIP):
        raise UserError(f"{path} is compressed by gzip; unpack it first, by gunzip for example")
    if _starts_with(path, _ZIP):
        return read_npz(path, reading)
    if path.suffix in _OTHERS and not h5py.is_hdf5(path):
        raise UserError(
            f"{path} holds neither HDF5 nor an npz archive; write its columns as one of them (docs/data.md has the "
            "layouts)"
        )
    return read_hdf5(path, reading)


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
