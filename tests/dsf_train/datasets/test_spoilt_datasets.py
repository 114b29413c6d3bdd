"""Datasets spoilt at random: each is read as told, warned of, or refused in one sentence; none ends in a number that
is not finite."""

from __future__ import annotations

import contextlib
import io
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_train.command_data import main
from dsf_train.sampling import TokenWindows, normalisation_of
from neuro_runtime.environments import load_environment_spec
from support.recorded_trajectories import flat, robomimic, trajectories, write_flat, write_minari, write_npz
from support.small_datasets import opened

LENGTHS = (40, 25, 3, 30)
NAMES = ("observations", "actions", "rewards", "terminals", "timeouts")
Arrays = dict[str, Any]


def _at(values: NDArray[Any], place: float, number: float) -> NDArray[Any]:
    """A copy in which one entry is ``number``."""
    changed = np.array(values, dtype=np.float64)
    if changed.size:
        changed.flat[int(place * (changed.size - 1))] = number
    return changed


# From a column, a place in it from 0 to 1 and a number, to a spoilt column; None takes it out.
SPOILERS: dict[str, Callable[[NDArray[Any], float, float], Any]] = {
    "gone": lambda values, place, number: None,
    "one number": _at,
    "many numbers": lambda values, place, number: np.where(np.random.default_rng(0).random(values.shape) < 0.3, number,
                                                           values),
    "all one number": lambda values, place, number: np.full(values.shape, number),
    "scaled": lambda values, place, number: values * np.float64(number),
    "cut": lambda values, place, number: values[: int(place * len(values))],
    "longer": lambda values, place, number: np.concatenate([values, values[: int(place * len(values))]]),
    "backwards": lambda values, place, number: values[::-1],
    "rolled": lambda values, place, number: np.roll(values, int(place * len(values)), axis=0),
    "shuffled": lambda values, place, number: np.random.default_rng(1).permutation(values),
    "transposed": lambda values, place, number: values.T,
    "one more axis": lambda values, place, number: values[:, None],
    "flat": lambda values, place, number: values.reshape(-1),
    "two wide": lambda values, place, number: np.stack([values, values], axis=-1),
    "inverted": lambda values, place, number: 1 - np.asarray(values, dtype=np.int64),
    "float16": lambda values, place, number: values.astype(np.float16),
    "int8": lambda values, place, number: values.astype(np.int8),
    "int64": lambda values, place, number: (values * 100).astype(np.int64),
    "complex": lambda values, place, number: values.astype(np.complex128),
    "text": lambda values, place, number: np.array([b"left"] * len(values)),
    "a scalar": lambda values, place, number: np.float64(number),
    "nothing": lambda values, place, number: values[:0],
    "parts": lambda values, place, number: {"a": values, "b": values},
    "an empty group": lambda values, place, number: {},
}  # fmt: skip
NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0, math.nan, math.inf, -math.inf, 3e38, 1e300, 1e-300, -1e6, 1e-12])
SPOILT = st.tuples(st.sampled_from(NAMES), st.sampled_from(sorted(SPOILERS)), st.floats(0, 1), NUMBERS)


def _write_hdf5(folder: Path, columns: Arrays) -> Path:
    return write_flat(folder / "data.hdf5", columns)


def _write_npz(folder: Path, columns: Arrays) -> Path:
    return write_npz(folder / "data.npz", **{name: np.asarray(values) for name, values in columns.items()})


def _by_trajectory(columns: Arrays) -> list[Arrays]:
    """Spoilt columns cut where the whole ones would be, as far as they can be cut."""
    bounds = np.cumsum(LENGTHS)[:-1]
    cut = {
        name: np.split(values, bounds) if np.ndim(values) and len(values) else [values] * len(LENGTHS)
        for name, values in columns.items()
        if not isinstance(values, Mapping)
    }
    return [{name: parts[number] for name, parts in cut.items()} for number in range(len(LENGTHS))]


def _write_minari(folder: Path, columns: Arrays) -> Path:
    made = _by_trajectory(columns)
    write_minari(folder / "minari", [{"rewards": np.zeros(1)}])  # its description
    return write_flat(
        folder / "minari" / "data" / "main_data.hdf5", {f"episode_{n}": one for n, one in enumerate(made)}
    ).parents[1]


def _write_robomimic(folder: Path, columns: Arrays) -> Path:
    made = {f"demo_{n}": one for n, one in enumerate(_by_trajectory(columns))}
    for one in made.values():
        if "observations" in one:
            one["obs"] = {"a": one.pop("observations")}
    return write_flat(folder / "low_dim.hdf5", {"data": made})


WRITERS = {"HDF5": _write_hdf5, "npz": _write_npz, "Minari": _write_minari, "robomimic": _write_robomimic}
OPTIONS = st.sampled_from([(), ("unfinished=keep",), ("action_low=-1", "action_high=1"), ("observation_keys=a",)])


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that is the cache, too."""
    folder = Path(tempfile.mkdtemp())
    try:
        with patch.dict("os.environ", {"DSF_CACHE": str(folder / "cache")}):
            yield folder
    finally:
        shutil.rmtree(folder)


def _info(path: Path, options: tuple[str, ...]) -> tuple[int, str, str]:
    """Status, standard output and standard error of `dsf-data info`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["info", str(path), "env=pendulum", *options, "--json"])
    return status, out.getvalue(), err.getvalue()


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, float):
        yield value


def _trained_on(path: Path, options: tuple[str, ...]) -> None:
    """Assert that all a training would see of it is finite."""
    spec = load_environment_spec("pendulum")
    columns = opened(path, *options)
    normalisation = normalisation_of(columns, spec.return_scale, input_clip=10.0)
    batch = TokenWindows(columns, normalisation, context=4).batch(0, 0, 32)
    for name, tensor in vars(batch).items():
        assert np.isfinite(tensor.numpy()).all(), name
    assert np.abs(batch.actions.numpy()).max() <= 1 + 1e-5


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(WRITERS)), st.lists(SPOILT, min_size=1, max_size=3), OPTIONS)
def test_a_spoilt_dataset_is_read_as_told_warned_of_or_refused(
    layout: str, spoilt: list[tuple[str, str, float, float]], options: tuple[str, ...]
) -> None:
    columns: Arrays = flat(trajectories(LENGTHS))
    with np.errstate(all="ignore"), contextlib.suppress(Exception):  # one that numpy cannot spoil so stays as it is
        for name, how, place, number in spoilt:
            if isinstance(columns.get(name), np.ndarray):
                columns[name] = SPOILERS[how](columns[name], place, number)
                columns = {key: values for key, values in columns.items() if values is not None}
    with _folder() as folder:
        path = WRITERS[layout](folder, columns)
        status, out, err = _info(path, options)
        if status == 0:
            info = json.loads(out, parse_constant=lambda text: math.nan)
            assert all(map(math.isfinite, _numbers(info)))
            assert info["steps"] > 0
            _trained_on(path, options)
        else:
            assert status == 2
            assert out == ""
            assert err.startswith("dsf-data: error: ")
            assert err.count("\n") == 1
            assert "Traceback" not in err
            try:
                _trained_on(path, options)
            except UserError:
                return
            raise AssertionError("what info refuses must not be trained on")


def test_spoilt_bytes_of_a_robomimic_file_are_read_or_refused() -> None:
    rng = np.random.default_rng(0)
    with _folder() as folder:
        path = write_flat(folder / "x.hdf5", robomimic(trajectories()))
        data = path.read_bytes()
        for _ in range(40):
            start = int(rng.integers(len(data) - 64))
            path.write_bytes(data[:start] + rng.bytes(64) + data[start + 64 :])
            assert _info(path, ("observation_keys=arm,object",))[0] in (0, 2)
