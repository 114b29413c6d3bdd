"""Minari's datasets in Arrow or Parquet: ``data/<episode>/part-<n>.<format>``, read without Minari.

Minari's own reader leaves out each episode's last row, which is a step where it kept as many observations as steps,
and cuts episodes above 32,768 rows. Here the number of steps is asked of ``data/<episode>/metadata.json``, and an
episode is all of its parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.read_errors import unreadable
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.minari import COLUMNS, minari_episodes
from dsf_train.datasets.numbered_groups import in_order
from dsf_train.datasets.reading import Reading

if TYPE_CHECKING:
    import pyarrow


def read_columnar(folder: Path, data_format: str, reading: Reading, options: Mapping[str, Any]) -> Iterator[Episode]:
    """The episodes of the dataset in ``folder``, one in memory at a time.

    Raises
    ------
    UserError
        PyArrow is not installed, or an episode is damaged.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as problem:
        raise UserError(
            f"{folder} is in {data_format}, which takes PyArrow to read; run `pip install pyarrow`"
        ) from problem
    yield from minari_episodes(_episodes(folder, data_format), str(folder), reading, options)


def _episodes(folder: Path, data_format: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    data = folder / "data"
    for name in in_order((entry.name for entry in data.iterdir() if entry.is_dir()), ""):
        yield f"episode {name}", _columns(data / name, data_format)


def _columns(folder: Path, data_format: str) -> Mapping[str, Any]:
    parts = sorted(folder.glob(f"*.{data_format}"), key=_number)
    if not parts:
        raise UserError(f"{folder} holds no part-….{data_format}; fetch the dataset again")
    try:
        table = _table(parts, data_format)
        missing = [name for name in ("observations", "actions", "rewards") if name not in table.column_names]
        if missing:
            raise UserError(f"{folder} has no {' or '.join(missing)}; fetch the dataset again")
        columns = {name: _values(table[name].combine_chunks()) for name in COLUMNS if name in table.column_names}
        steps = _steps(folder, table.num_rows)
    except (OSError, ValueError, KeyError, TypeError) as problem:  # Arrow's own are among them
        raise unreadable(folder, problem, "Minari dataset", "copy or fetch it to another place") from problem
    return {name: column if name == "observations" else _first(column, steps) for name, column in columns.items()}


def _first(column: NDArray[Any] | dict[str, Any], steps: int) -> Any:
    """The first ``steps`` rows of a column, or of its parts."""
    if isinstance(column, dict):
        return {name: _first(part, steps) for name, part in column.items()}
    return column[:steps]


def _number(part: Path) -> tuple[int, str]:
    """Part 10 comes after part 9."""
    found = re.search(r"(\d+)$", part.stem)
    return int(found[1]) if found else 0, part.name


def _table(parts: list[Path], data_format: str) -> pyarrow.Table:
    import pyarrow
    import pyarrow.parquet

    if data_format == "parquet":
        tables = [pyarrow.parquet.ParquetFile(part).read() for part in parts]
    else:
        tables = [pyarrow.ipc.open_file(pyarrow.memory_map(str(part))).read_all() for part in parts]
    return pyarrow.concat_tables(tables)


def _steps(folder: Path, rows: int) -> int:
    """Steps of an episode of ``rows`` rows, the last of which may be filled up beside the last observation."""
    metadata = folder / "metadata.json"
    if not metadata.is_file():
        return rows - 1
    steps = int(json.loads(metadata.read_text(encoding="utf-8"))["total_steps"])
    if steps not in (rows, rows - 1):
        raise ValueError(f"{steps} steps do not go with {rows} rows")
    return steps


def _values(column: Any) -> NDArray[Any] | dict[str, Any]:
    """A column as an array of one row a step; a structure as its parts.

    Raises
    ------
    ValueError
        An entry is empty.
    """
    import pyarrow

    kind = column.type
    if pyarrow.types.is_struct(kind):
        parts = zip(kind, column.flatten(), strict=True)
        return {_minari_name(field.name): _values(part) for field, part in parts}
    if pyarrow.types.is_fixed_size_list(kind):
        flat = column.flatten()
        if len(flat) != len(column) * kind.list_size or flat.null_count:
            raise ValueError("an entry is empty")
        return np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(len(column), kind.list_size)
    if column.null_count:
        raise ValueError("an entry is empty")
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _minari_name(name: str) -> str:
    """The name that the part has in HDF5: those of a tuple are numbers here."""
    return f"_index_{name}" if name.isdigit() else name
