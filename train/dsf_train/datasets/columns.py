"""A dataset as columns on disk, one episode after another, mapped into memory: only what a batch touches is read.

A dataset's files are converted once, in one pass that holds a block of steps at a time; the columns are kept in the
project's cache, under a name that changes when the files do, and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dsf_common.errors import UserError
from dsf_common.files import partial_path, sha256_of
from dsf_train.dataset_options import DatasetOptions
from dsf_train.datasets.episode import Episode, UnfinishedEpisode
from dsf_train.datasets.locate import DatasetLocation, cache_folder
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments import EnvironmentSpec

LAYOUT = 6  # of the columns and what their notes look for; another one gets folders of its own

CHECKSUMS = "checksums.json"  # the SHA-256 of each of the other files
NOTES = "notes.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Columns:
    """All steps of a dataset, and what training needs to know of them as a whole.

    Attributes
    ----------
    observations, actions
        (steps, observation_size) and (steps, action_size), float32, mapped.
    returns_to_go
        ``R̂_k = Σ_{n≥k} r_n`` within its episode, raw, (steps,), float64, mapped.
    ends
        The step after each episode's last, (episodes,).
    finished
        Which episodes came to their end, so that they have a return, (episodes,).
    state_moments
        Mean and standard deviation of each entry of the observations, (2, observation_size), float64.
    state_range
        Least and largest of each entry, (2, observation_size), float64.
    action_bounds
        What the actions' −1 … 1 stands for, in the environment's own unit; None where nobody has looked.
    notes
        A sentence for everything in the data that is not as it should be, and yet was read.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    returns_to_go: NDArray[np.float64]
    ends: NDArray[np.int64]
    finished: NDArray[np.bool_]
    state_moments: NDArray[np.float64]
    state_range: NDArray[np.float64]
    action_bounds: ActionBounds | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.returns_to_go)

    @property
    def returns(self) -> NDArray[np.float64]:
        """The return of each episode, (episodes,); of an unfinished one what was recorded of it."""
        return np.asarray(self.returns_to_go[np.concatenate([[0], self.ends[:-1]])])


def columns_folder(
    spec: EnvironmentSpec,
    location: DatasetLocation,
    bounds: ActionBounds | None = None,
    options: DatasetOptions | None = None,
) -> Path:
    """Where the columns of a dataset are kept: named by its files' places, sizes and times, and by what is read.

    Parameters
    ----------
    bounds
        Of the dataset's actions, where they are not −1 … 1.
    options
        How it is read.
    """
    options = options or DatasetOptions()
    files = [file for path in location.paths for file in _files_of(path)]
    states = [(os.path.realpath(file), *_state(file)) for file in files]
    read = [LAYOUT, spec.observation_size, spec.action_size, spec.observed, spec.time_limit, states]
    read += ["clipped"] if location.kind == "d4rl" else []  # see `dsf_train.datasets.action_units`
    read += [] if bounds is None or bounds.are_unit else [asdict(bounds)]
    read += [options.unfinished.value, options.observation_keys, spec.gymnasium_id, dict(spec.options)]
    digest = hashlib.sha256(json.dumps(read, default=str).encode()).hexdigest()
    return cache_folder() / "columns" / f"{spec.name}-{digest[:16]}"


def _files_of(path: Path) -> list[Path]:
    """A file itself, or all files of a Minari dataset's data."""
    return sorted(file for file in (path / "data").rglob("*") if file.is_file()) if path.is_dir() else [path]


def _state(file: Path) -> tuple[int, int]:
    if not file.is_file():
        return 0, 0  # its reader says what is wrong
    state = file.stat()
    return state.st_size, state.st_mtime_ns


def write_columns(folder: Path, episodes: Iterable[Episode], notes: Sequence[str] = ()) -> None:
    """Convert ``episodes``, one at a time, into ``folder``.

    Parameters
    ----------
    notes
        The sentences to keep with them; reading the episodes may add to it.

    Raises
    ------
    UserError
        The folder cannot be written, or what makes the episodes refuses them.
    """
    _log.info("converting the dataset into columns, %s", folder)
    try:
        with _atomic_folder(folder) as temporary:
            _write(temporary, episodes, notes)
    except OSError as problem:
        raise UserError(
            f"the dataset's columns cannot be written to {folder} ({problem}); make room there, or let DSF_CACHE name "
            "another folder"
        ) from problem


def open_columns(folder: Path) -> Columns:
    """Map the columns in ``folder`` into memory.

    Raises
    ------
    UserError
        A column is missing or damaged.
    """
    try:
        _require_intact(folder)
        return Columns(
            observations=_mapped(folder, "observations"),
            actions=_mapped(folder, "actions"),
            returns_to_go=_mapped(folder, "returns_to_go"),
            ends=np.load(folder / "ends.npy"),
            finished=np.load(folder / "finished.npy"),
            state_moments=np.load(folder / "state_moments.npy"),
            state_range=np.load(folder / "state_range.npy"),
            notes=tuple(json.loads((folder / NOTES).read_text(encoding="utf-8"))),
        )
    except (OSError, ValueError, EOFError, AttributeError) as problem:
        raise UserError(f"{folder} is a damaged copy of a dataset; rename it, it is made anew") from problem


def returns_to_go(rewards: NDArray[np.float32]) -> NDArray[np.float64]:
    """``R̂_k = Σ_{n≥k} r_n``, shape (steps,)."""
    return np.cumsum(rewards[::-1], dtype=np.float64)[::-1].copy()


def _write(folder: Path, episodes: Iterable[Episode], notes: Sequence[str]) -> None:
    moments, end, ends, finished = Moments(), 0, [], []
    with ExitStack() as stack:
        observations, actions, returns = (
            stack.enter_context(GrowingColumn(folder / f"{name}.npy", kind))
            for name, kind in (("observations", np.float32), ("actions", np.float32), ("returns_to_go", np.float64))
        )
        for episode in episodes:
            observations.append(episode.observations)
            actions.append(episode.actions)
            returns.append(returns_to_go(episode.rewards))
            moments.add(episode.observations)
            end += len(episode)
            ends.append(end)
            finished.append(not isinstance(episode, UnfinishedEpisode))
    np.save(folder / "ends.npy", np.array(ends, dtype=np.int64))
    np.save(folder / "finished.npy", np.array(finished, dtype=bool))
    np.save(folder / "state_moments.npy", np.stack([moments.mean, moments.standard_deviation]))
    np.save(folder / "state_range.npy", np.stack([moments.least, moments.largest]))
    (folder / NOTES).write_text(json.dumps(list(notes)), encoding="utf-8")
    checksums = {file.name: sha256_of(file) for file in sorted(folder.iterdir())}
    (folder / CHECKSUMS).write_text(json.dumps(checksums), encoding="utf-8")


def _require_intact(folder: Path) -> None:
    checksums = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
    for name, checksum in checksums.items():
        if sha256_of(folder / name) != checksum:
            raise ValueError(f"{name} does not match its checksum")


def _mapped(folder: Path, name: str) -> NDArray[Any]:
    """Read-only, as a plain array: a slice of a `numpy.memmap` drags its file along."""
    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r"))


@contextmanager
def _atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill, and rename it to ``folder`` at the end; another process may have been faster."""
    temporary = partial_path(folder)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if not folder.exists():
            os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class GrowingColumn:
    """A .npy file that rows are appended to; NumPy's header leaves space for their number, known at the end."""

    def __init__(self, path: Path, kind: DTypeLike) -> None:
        self._path, self._kind = path, np.dtype(kind)
        self._rows, self._width = 0, ()
        self._file: BinaryIO

    def __enter__(self) -> GrowingColumn:
        self._file = self._path.open("wb")
        return self

    def __exit__(self, *error: object) -> None:
        if self._rows:
            self._file.seek(0)
            self._write_header()
        self._file.close()

    def append(self, rows: NDArray[Any]) -> None:
        """Add ``rows``, (n,) or (n, width), all of one width."""
        if not self._rows:
            self._width = rows.shape[1:]
            self._write_header()
        self._file.write(np.ascontiguousarray(rows, dtype=self._kind).tobytes())
        self._rows += len(rows)

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._kind),
            "fortran_order": False,
            "shape": (self._rows, *self._width),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


class Moments:
    """Mean, deviation, least and largest of rows that come in parts, in float64 (Chan, Golub & LeVeque 1979)."""

    def __init__(self) -> None:
        self._count = 0
        self.mean: NDArray[np.float64] = np.zeros(())
        self.least: NDArray[np.float64] = np.full((), np.inf)
        self.largest: NDArray[np.float64] = np.full((), -np.inf)
        self._squares: NDArray[np.float64] = np.zeros(())

    def add(self, rows: NDArray[np.float32]) -> None:
        """Take ``rows``, (n, width), into account."""
        values = rows.astype(np.float64)
        mean, total = values.mean(axis=0), self._count + len(values)
        self.least = np.minimum(self.least, values.min(axis=0))
        self.largest = np.maximum(self.largest, values.max(axis=0))
        apart = mean - self.mean
        self._squares = (
            self._squares + np.square(values - mean).sum(axis=0) + apart**2 * (self._count * len(values) / total)
        )
        self.mean = self.mean + apart * (len(values) / total)
        self._count = total

    @property
    def standard_deviation(self) -> NDArray[np.float64]:
        """The standard deviation of all rows up to now, (width,)."""
        return np.sqrt(self._squares / self._count)
