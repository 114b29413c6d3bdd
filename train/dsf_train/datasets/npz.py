"""NumPy's archives: flat columns, stacked trajectories of one length, or a trajectory an entry; never unpickled."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError, first_line
from dsf_common.files import require_readable
from dsf_common.read_errors import unreadable
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.flat_record import COLUMNS, READ, flat_episodes
from dsf_train.datasets.reading import Reading
from dsf_train.datasets.trajectory import EndMarks, trajectory

Arrays = dict[str, NDArray[Any]]

# ``episode_3/observations`` and ``observations_3``, with any word in place of ``episode``.
_GROUPED = re.compile(r"(?:\w*?)(\d+)[/.](\w+)")
_SUFFIXED = re.compile(r"(\w*[a-z])_?(\d+)")
_LENGTHS = "lengths"


def read_npz(path: Path, reading: Reading) -> Iterator[Episode]:
    """The episodes of an archive, all of which is in memory.

    Raises
    ------
    UserError
        The file is missing, damaged, holds Python objects, or is of no layout that is known here.
    """
    require_readable(path, f"there is no dataset {path}; `dsf-data list` shows what is here")
    arrays = _arrays(path)
    title = str(path)
    trajectories = _by_number(arrays)
    if trajectories:
        yield from _numbered(trajectories, title, reading)
    elif all(name in arrays for name in COLUMNS) and arrays["actions"].ndim == 3:
        yield from _stacked(arrays, title, reading)
    else:
        columns = {name: arrays[name] for name in READ if name in arrays}
        yield from flat_episodes(columns, title, reading, arrays)


def _arrays(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except OSError as problem:
        raise unreadable(path, problem, "npz archive", "write it again") from problem
    except (ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, AttributeError) as problem:
        if "allow_pickle" in str(problem):
            raise UserError(
                f"{path} holds Python objects, which are never unpickled; save the columns of each trajectory as "
                "arrays of their own, observations_0, actions_0, rewards_0, observations_1 and so on"
            ) from problem
        raise UserError(f"{path} is no readable npz archive ({first_line(problem)}); write it again") from problem
    except (zipfile.BadZipFile, zlib.error, SyntaxError) as problem:
        raise UserError(f"{path} is no readable npz archive (damaged or cut short); write it again") from problem


def _by_number(arrays: Mapping[str, NDArray[Any]]) -> dict[int, Arrays]:
    """The columns of each trajectory that has entries of its own."""
    trajectories: dict[int, Arrays] = {}
    for name, array in arrays.items():
        if match := _GROUPED.fullmatch(name):
            trajectories.setdefault(int(match[1]), {})[match[2]] = array
        elif match := _SUFFIXED.fullmatch(name):
            trajectories.setdefault(int(match[2]), {})[match[1]] = array
    known = {number: columns for number, columns in trajectories.items() if not columns.keys().isdisjoint(COLUMNS)}
    return dict(sorted(known.items()))


def _numbered(trajectories: Mapping[int, Arrays], title: str, reading: Reading) -> Iterator[Episode]:
    marks = EndMarks()
    for number, columns in trajectories.items():
        which = f"{title}, trajectory {number},"
        if missing := [name for name in COLUMNS if name not in columns]:
            raise UserError(f"{which} has no {' or '.join(missing)}")
        marks.look_at(columns, columns["rewards"].size)
        yield trajectory(columns["observations"], columns["actions"], columns["rewards"], which, reading)
    marks.tell(title, reading)


def _stacked(arrays: Arrays, title: str, reading: Reading) -> Iterator[Episode]:
    """Trajectories of one length, (trajectories, steps, ·); ``lengths`` says where shorter ones are filled up."""
    observations, actions, rewards = (arrays[name] for name in COLUMNS)
    rewards = rewards[..., 0] if rewards.ndim == 3 and rewards.shape[2] == 1 else rewards
    count, steps = actions.shape[:2]
    if observations.ndim == 3 and observations.shape[:2] == (count + 1, steps):  # a last one, along the first axis
        raise _time_major(observations, title)
    if rewards.shape != (count, steps) or observations.ndim != 3 or len(observations) != count:
        raise UserError(
            f"{title} has observations, actions and rewards of shapes {observations.shape}, {actions.shape} and "
            f"{rewards.shape}, not (trajectories, steps, ·)"
        )
    lengths = arrays.get(_LENGTHS, np.full(count, steps))
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu" or (lengths < 1).any() or (lengths > steps).any():
        raise UserError(f"{title} has lengths that are not one a trajectory, from 1 to {steps}")
    _refuse_time_major(observations, title)
    if _LENGTHS not in arrays and (filled := _filled_up(observations, actions, rewards)):
        reading.notes.append(
            f"{filled} of {count} trajectories of {title} end in rows of zeros alone: if those fill them up, save "
            "their lengths beside them"
        )
    marks = EndMarks()
    for number, length in enumerate(lengths):
        columns = {name: array[number] for name, array in arrays.items() if array.shape[:2] == (count, steps)}
        marks.look_at(columns, int(length))
        after = length + 1 if observations.shape[1] > steps else length
        rows = observations[number, :after], actions[number, :length], rewards[number, :length]
        yield trajectory(*rows, f"{title}, trajectory {number},", reading)
    marks.tell(title, reading)


def _filled_up(*columns: NDArray[Any]) -> int:
    """Trajectories whose last two rows are all zeros."""
    if any(column.shape[1] < 2 for column in columns):
        return 0
    zero = [(column[:, -2:].reshape(len(column), -1) == 0).all(axis=1) for column in columns]
    return int(np.all(zero, axis=0).sum())


def _refuse_time_major(observations: NDArray[Any], title: str) -> None:
    """Refuse (steps, trajectories, ·), which differs from (trajectories, steps, ·) in what moves little by little."""
    if min(observations.shape[:2]) < 2 or observations.dtype.kind not in "fiub":
        return
    values = observations.astype(np.float64)
    if not np.isfinite(values).all():
        return
    along_first, along_second = (np.abs(np.diff(values, axis=axis)).mean() for axis in (0, 1))
    if along_first < along_second / 2:
        raise _time_major(observations, title)


def _time_major(observations: NDArray[Any], title: str) -> UserError:
    return UserError(
        f"{title} has observations of shape {observations.shape} that go on along the first axis: swap the first two "
        "axes of all columns, so that they are (trajectories, steps, ·)"
    )
