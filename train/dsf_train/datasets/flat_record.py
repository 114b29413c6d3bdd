"""A flat record: columns of one row a step, one episode after another, cut at its end marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_train.dataset_options import Unfinished
from dsf_train.datasets.episode import Episode, UnfinishedEpisode, cut_episodes
from dsf_train.datasets.reading import Reading

BLOCK_STEPS = 1 << 16  # read at once
INVERTED = 0.9  # share of the steps that end an episode, above which the flags may say the contrary

# The flags that end an episode, by the names in use: D4RL's, Gymnasium's, and those of older records.
NAMES: dict[str, tuple[str, ...]] = {
    "terminals": ("terminals", "terminations", "terminated"),
    "timeouts": ("timeouts", "truncations", "truncated"),
    "dones": ("dones", "done"),
}
COLUMNS = ("observations", "actions", "rewards")
READ = (*COLUMNS, *(name for names in NAMES.values() for name in names))


class Column(Protocol):
    """Rows that are read in slices: an array, or an HDF5 dataset."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> Any: ...


Columns = Mapping[str, Any]  # columns by name; observations may be a mapping of parts


@dataclass(frozen=True)
class _Ends:
    """Where episodes end.

    Attributes
    ----------
    marks
        Each episode's last step, (steps,) bool.
    whole_until
        The step from which on episodes are unfinished ones.
    """

    marks: NDArray[np.bool_]
    whole_until: int


def flat_episodes(columns: Columns, title: str, reading: Reading, held: Iterable[str]) -> Iterator[Episode]:
    """The episodes of a flat record, a block of them in memory at once.

    They end at ``terminals`` or ``timeouts``. ``dones`` stand in for one that is missing; where ``timeouts`` are and
    there are no ``dones``, the time limit does.

    Parameters
    ----------
    columns
        Those of `READ` that there are.
    held
        The names of all that the record holds, for complaints.

    Raises
    ------
    UserError
        A column is missing, of another length, or no numbers; a flag is neither 0 nor 1.
    """
    _require(columns, title, held)
    ends = _ends(columns, title, reading)
    rewards = _flat(columns["rewards"], title, "rewards")
    first = 0
    for block in _blocks(ends.marks):
        observations = reading.join(_rows(columns["observations"], block), title)
        for episode in cut_episodes(observations, columns["actions"][block], rewards[block], ends.marks[block]):
            yield episode if first < ends.whole_until else UnfinishedEpisode(**vars(episode))
            first += len(episode)


def _require(columns: Columns, title: str, held: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    if all(_found(columns, kind) is None for kind in NAMES):
        missing.append("terminals")
    if missing:
        raise UserError(
            f"{title} is no flat record: it has no {' or '.join(missing)}; it holds {', '.join(held) or 'nothing'}"
        )
    leaves = [(name, leaf) for name in columns for leaf in _leaves(columns[name])]
    for name, leaf in leaves:
        if leaf.dtype.kind not in "fiub" or not leaf.shape:
            raise UserError(f"{title} has {name} that are no numbers, one row a step")
    steps = len(next(_leaves(columns["observations"]), ()))
    for name, leaf in leaves:
        if len(leaf) != steps:
            raise UserError(
                f"{title} has {steps} observations but {len(leaf)} {name}: each column needs one row a step"
            )
    if not steps:
        raise UserError(f"{title} holds no step: its columns have no rows; was it written before the recording ended?")


def _found(columns: Columns, kind: str) -> str | None:
    return next((name for name in NAMES[kind] if name in columns), None)


def _leaves(column: Any) -> Iterator[Any]:
    if isinstance(column, Mapping):
        for part in column.values():
            yield from _leaves(part)
    else:
        yield column


def _rows(column: Any, rows: slice) -> Any:
    """``rows`` of a column, or of each of its parts."""
    if isinstance(column, Mapping):
        return {name: _rows(part, rows) for name, part in column.items()}
    return column[rows]


def _ends(columns: Columns, title: str, reading: Reading) -> _Ends:
    """Where episodes end, and a note on everything that is doubtful about it."""
    names = {kind: name for kind in NAMES if (name := _found(columns, kind))}
    used: list[str] = [kind for kind in ("terminals", "timeouts") if kind in names]
    used += ["dones"] if len(used) < 2 and "dones" in names else []
    marks = np.zeros(len(next(_leaves(columns["observations"]))), dtype=bool)
    for kind in used:
        marks |= _flags(columns[names[kind]], title, names[kind])
    if used == ["timeouts"]:
        reading.notes.append(
            f"{title} has no terminals: episodes end at {names['timeouts']} alone; those that ended otherwise are "
            "joined to the next"
        )
    if used == ["terminals"]:
        marks = _with_time_limit(marks, title, reading)
    share = marks.mean() if len(marks) else 0
    if share > INVERTED and reading.time_limit > 1:
        reading.notes.append(
            f"{100 * share:.0f} % of the steps of {title} end an episode: are its flags 1 where an episode goes on?"
        )
    return _with_rest(marks, title, reading)


def _with_time_limit(terminals: NDArray[np.bool_], title: str, reading: Reading) -> NDArray[np.bool_]:
    """``terminals``, and an end wherever the time limit must have been reached, as in D4RL's oldest files."""
    ends = terminals.copy()
    firsts = np.concatenate([[0], np.flatnonzero(terminals) + 1])
    for first, after in zip(firsts, [*firsts[1:], len(ends)], strict=True):
        ends[first + reading.time_limit - 1 : after : reading.time_limit] = True
    cut = int((ends & ~terminals).sum())
    reading.notes.append(
        f"{title} has no timeouts: episodes end at terminals and after {reading.time_limit} steps, as {cut} do; those "
        "that were reset before are joined to the next"
    )
    return ends


def _with_rest(marks: NDArray[np.bool_], title: str, reading: Reading) -> _Ends:
    """The marks with those of the steps after the last one, where these are kept."""
    steps, whole = len(marks), int(np.flatnonzero(marks)[-1]) + 1 if marks.any() else 0
    if whole == steps:
        return _Ends(marks, steps)
    come = f"{title}: {steps - whole:,} of {steps:,} steps ({100 * (steps - whole) / steps:.1f} %) come after the last"
    if reading.unfinished is Unfinished.drop:
        reading.notes.append(f"{come} end mark and are left out; unfinished=keep keeps them")
        return _Ends(marks, whole)
    kept = marks.copy()
    kept[whole + reading.time_limit - 1 :: reading.time_limit] = True
    kept[-1] = True
    pieces = int(kept[whole:].sum())
    reading.notes.append(
        f"{come} end mark and are kept as {pieces} unfinished episode{'s' if pieces > 1 else ''}, without a return"
    )
    return _Ends(kept, whole)


def _blocks(ends: NDArray[np.bool_]) -> Iterator[slice]:
    """Slices of whole episodes, as many as `BLOCK_STEPS` hold, but one at least."""
    bounds, first = np.flatnonzero(ends) + 1, 0
    while len(bounds):
        whole = max(1, int(np.searchsorted(bounds, first + BLOCK_STEPS, side="right")))
        yield slice(first, int(bounds[whole - 1]))
        first, bounds = int(bounds[whole - 1]), bounds[whole:]


def _flat(column: Column, title: str, name: str) -> NDArray[Any]:
    """All of a column with one number a step; (N, 1), as old files have it, as (N,)."""
    if column.shape[1:] not in ((), (1,)):
        raise UserError(
            f"{title} has {name} of shape {column.shape}, not one a step; lay several environments or trajectories one "
            "after another"
        )
    return np.asarray(column[()]).reshape(len(column))


def _flags(column: Column, title: str, name: str) -> NDArray[np.bool_]:
    """Old files keep them as numbers; NaN would pass for a true one, a count or a probability too."""
    values = _flat(column, title, name)
    if not np.isfinite(values).all():
        step = int(np.flatnonzero(~np.isfinite(values))[0])
        raise UserError(f"{title} has {name} that are not finite, the first in step {step}; a flag is 0 or 1")
    if other := [value for value in np.unique(values) if value not in (0, 1)]:
        raise UserError(f"{title} has {name} of {other[0]:g}; a flag is 0 or 1")
    return values.astype(bool)
