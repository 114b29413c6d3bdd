"""A few recorded trajectories, written in every layout that is read, and in some that are not."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Trajectory = dict[str, NDArray[Any]]
LENGTHS = (30, 30, 30)


def trajectories(
    lengths: Sequence[int] = LENGTHS,
    observation_size: int = 3,
    action_size: int = 1,
    seed: int = 0,
    apart: float = 0.0,
) -> list[Trajectory]:
    """Random walks from random starts: T + 1 observations, T actions in −1 … 1, T rewards.

    Every other one starts ``apart`` lower than the rest.
    """
    rng = np.random.default_rng(seed)

    def walk(number: int, steps: int) -> NDArray[np.float32]:
        start = rng.normal(size=observation_size) - apart * (number % 2)
        moved = 0.1 * rng.standard_normal((steps + 1, observation_size)).cumsum(axis=0)
        return (start + moved).astype(np.float32)

    return [
        {
            "observations": walk(number, steps),
            "actions": rng.uniform(-1, 1, (steps, action_size)).astype(np.float32),
            "rewards": rng.uniform(-1, 0, steps).astype(np.float32),
        }
        for number, steps in enumerate(lengths)
    ]


def flat(recorded: Sequence[Trajectory], mark: str = "timeouts", **changes: Any) -> dict[str, Any]:
    """D4RL's columns; ``mark`` is the name of the column of last steps; ``terminals`` are all 0."""
    columns: dict[str, Any] = {
        name: np.concatenate([one[name][: len(one["rewards"])] for one in recorded])
        for name in ("observations", "actions", "rewards")
    }
    last = np.zeros(len(columns["rewards"]), dtype=bool)
    last[np.cumsum([len(one["rewards"]) for one in recorded]) - 1] = True
    columns |= {"terminals": np.zeros_like(last)} | {mark: last}
    return {name: values for name, values in (columns | changes).items() if values is not None}


def write_flat(path: Path, columns: Mapping[str, Any]) -> Path:
    """Columns as an HDF5 file; a mapping becomes a group."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        _fill(file, columns)
    return path


def _fill(group: h5py.Group, columns: Mapping[str, Any]) -> None:
    for name, values in columns.items():
        if isinstance(values, Mapping):
            _fill(group.create_group(name), values)
        else:
            group[name] = values


def write_minari(folder: Path, recorded: Sequence[Mapping[str, Any]], **metadata: Any) -> Path:
    """Minari's folder in HDF5, with the entries of ``metadata`` that it keeps as JSON within JSON."""
    content = {
        f"episode_{number}": {
            **one,
            "terminations": np.zeros(len(one["rewards"]), dtype=bool),
            "truncations": np.arange(len(one["rewards"])) == len(one["rewards"]) - 1,
        }
        for number, one in enumerate(recorded)
    }
    write_flat(folder / "data" / "main_data.hdf5", content)
    total = sum(len(one["rewards"]) for one in recorded)
    describe_minari(folder, total_episodes=len(recorded), total_steps=total, data_format="hdf5", **metadata)
    return folder


def describe_minari(folder: Path, **metadata: Any) -> None:
    """Write Minari's description of a dataset."""
    within = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in metadata.items()}
    (folder / "data" / "metadata.json").write_text(json.dumps(within))


def box(low: Sequence[float], high: Sequence[float]) -> dict[str, Any]:
    """A space as Minari describes it."""
    return {"type": "Box", "dtype": "float32", "shape": [len(low)], "low": list(low), "high": list(high)}


def write_columnar(folder: Path, recorded: Sequence[Trajectory], data_format: str, parts: int = 1) -> Path:
    """Minari's folder in Arrow or Parquet: a row an observation, the others filled up with zeros."""
    import pyarrow
    import pyarrow.parquet

    for number, one in enumerate(recorded):
        steps, rows = len(one["rewards"]), len(one["observations"])
        padded = {
            name: np.pad(one[name], [(0, rows - steps), *[(0, 0)] * (one[name].ndim - 1)])
            for name in ("actions", "rewards")
        }
        ends = np.arange(rows) == steps - 1
        table = pyarrow.table(
            {
                "observations": _fixed_lists(one["observations"]),
                "actions": _fixed_lists(padded["actions"]),
                "rewards": padded["rewards"],
                "terminations": np.zeros(rows, dtype=bool),
                "truncations": ends,
            }
        )
        place = folder / "data" / str(number)
        place.mkdir(parents=True)
        for part, rows_of_part in enumerate(np.array_split(np.arange(rows), parts)):
            piece = table.slice(rows_of_part[0], len(rows_of_part))
            file = place / f"part-{part}.{data_format}"
            if data_format == "parquet":
                pyarrow.parquet.write_table(piece, file)
            else:
                with pyarrow.OSFile(str(file), "wb") as sink, pyarrow.ipc.new_file(sink, piece.schema) as writer:
                    writer.write_table(piece)
        (place / "metadata.json").write_text(json.dumps({"id": number, "total_steps": steps}))
    describe_minari(folder, data_format=data_format, total_steps=sum(len(one["rewards"]) for one in recorded))
    return folder


def _fixed_lists(values: NDArray[Any]) -> Any:
    import pyarrow

    return pyarrow.FixedSizeListArray.from_arrays(values.reshape(-1), values.shape[1])


def robomimic(recorded: Sequence[Trajectory], **changes: Any) -> dict[str, Any]:
    """robomimic's groups, with the observations in two parts."""
    return {
        "data": {
            f"demo_{number}": {
                "obs": {"object": one["observations"][:-1, 1:], "arm": one["observations"][:-1, :1]},
                "actions": one["actions"],
                "rewards": one["rewards"],
                "dones": (np.arange(len(one["rewards"])) == len(one["rewards"]) - 1).astype(np.int64),
                "states": np.zeros((len(one["rewards"]), 9)),
                **changes,
            }
            for number, one in enumerate(recorded)
        },
        "mask": {"train": np.array([b"demo_0"])},
    }


def write_npz(path: Path, **arrays: Any) -> Path:
    """NumPy's archive."""
    np.savez(path, **arrays)
    return path


def _numbered(recorded: Sequence[Trajectory], name: str) -> dict[str, Any]:
    return {name.format(column=column, n=n): values for n, one in enumerate(recorded) for column, values in one.items()}


def _stacked(recorded: Sequence[Trajectory]) -> dict[str, Any]:
    return {column: np.stack([one[column] for one in recorded]) for column in recorded[0]}


def write_decision_transformer_pickle(path: Path, recorded: Sequence[Trajectory]) -> Path:
    """Decision Transformer's list of trajectories."""
    paths = [
        {**one, "observations": one["observations"][:-1], "terminals": np.zeros(len(one["rewards"]), dtype=bool)}
        for one in recorded
    ]
    path.write_bytes(pickle.dumps(paths))
    return path


# Each layout's writer: from a folder and trajectories to what a user names, and the options that it takes.
LAYOUTS: dict[str, tuple[Callable[[Path, Sequence[Trajectory]], Path], tuple[str, ...]]] = {
    "D4RL": (lambda folder, made: write_flat(folder / "data.hdf5", flat(made)), ()),
    "dones alone": (
        lambda folder, made: write_flat(folder / "data.hdf5", flat(made, mark="dones", terminals=None)),
        (),
    ),
    "timeouts alone": (lambda folder, made: write_flat(folder / "data.hdf5", flat(made, terminals=None)), ()),
    "Gymnasium's words": (
        lambda folder, made: write_flat(
            folder / "data.h5", flat(made, mark="truncations", terminals=None, terminations=np.zeros(90, np.int8))
        ),
        (),
    ),
    "flat, in parts": (
        lambda folder, made: write_flat(
            folder / "data.hdf5",
            flat(made, observations={"b": flat(made)["observations"][:, 1:], "a": flat(made)["observations"][:, :1]}),
        ),
        ("observation_keys=a,b",),
    ),
    "robomimic": (
        lambda folder, made: write_flat(folder / "low_dim.hdf5", robomimic(made)),
        ("observation_keys=arm,object",),
    ),
    "npz, flat": (lambda folder, made: write_npz(folder / "data.npz", **flat(made)), ()),
    "npz, stacked": (lambda folder, made: write_npz(folder / "data.npz", **_stacked(made)), ()),
    "npz, filled up": (
        lambda folder, made: write_npz(
            folder / "data.npz",
            **{
                name: np.pad(values, [(0, 0), (0, 5), *[(0, 0)] * (values.ndim - 2)])
                for name, values in _stacked(made).items()
            },
            lengths=np.array([len(one["rewards"]) for one in made]),
        ),
        (),
    ),
    "npz, numbered": (lambda folder, made: write_npz(folder / "x.npz", **_numbered(made, "{column}_{n}")), ()),
    "npz, grouped": (lambda folder, made: write_npz(folder / "x.npz", **_numbered(made, "traj{n}/{column}")), ()),
    "Minari": (lambda folder, made: write_minari(folder / "minari", made), ()),
    "Minari, its data": (lambda folder, made: write_minari(folder / "minari", made) / "data", ()),
    "Minari, its file": (lambda folder, made: write_minari(folder / "minari", made) / "data" / "main_data.hdf5", ()),
    "Minari, a copy of its file": (
        lambda folder, made: (write_minari(folder / "minari", made) / "data" / "main_data.hdf5").rename(
            folder / "copy.hdf5"
        ),
        (),
    ),
    "Minari, in parts": (
        lambda folder, made: write_minari(
            folder / "minari",
            [
                {**one, "observations": {"b": one["observations"][:, 1:], "a": one["observations"][:, :1]}}
                for one in made
            ],
        ),
        ("observation_keys=a,b",),
    ),
    "Minari, Arrow": (lambda folder, made: write_columnar(folder / "minari", made, "arrow"), ()),
    "Minari, Parquet in eleven parts": (
        lambda folder, made: write_columnar(folder / "minari", made, "parquet", parts=11),
        (),
    ),
    "Minari, Arrow of T observations": (
        lambda folder, made: write_columnar(
            folder / "minari", [{**one, "observations": one["observations"][:-1]} for one in made], "arrow"
        ),
        (),
    ),
}
