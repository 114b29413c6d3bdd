"""Ways to spoil a file, whatever its kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

Spoil = Callable[[Path], object]


def gone(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(4000))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def end_lost(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    """One that nobody writes into: whoever opens it waits for ever."""
    path.unlink()
    os.mkfifo(path)


def a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def points_at_a_pipe(name: str) -> Spoil:
    """An HDF5 file whose ``name`` is kept in a pipe beside it."""

    def spoil(path: Path) -> None:
        a_pipe(path)
        path.rename(path.with_name("pipe"))
        with h5py.File(path, "w") as file:
            file[name] = h5py.ExternalLink("pipe", f"/{name}")

    return spoil


def text(content: str) -> Spoil:
    return lambda path: path.write_text(content)
