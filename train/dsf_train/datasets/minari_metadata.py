"""A Minari dataset's description of itself, ``data/metadata.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsf_common.errors import UserError
from neuro_runtime.action_bounds import ActionBounds

HDF5 = "hdf5"
FORMATS = (HDF5, "arrow", "parquet")


@dataclass(frozen=True)
class MinariMetadata:
    """The parts of it that matter here; what it does not say is none.

    Attributes
    ----------
    dataset_id
        Its id at Minari's.
    environment, options
        The Gymnasium id that the data were recorded in, and its keyword arguments.
    action_bounds
        The bounds of its actions, where they are finite.
    data_format
        ``hdf5``, ``arrow`` or ``parquet``.
    total_steps
        Steps of all episodes.
    """

    dataset_id: str | None = None
    environment: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    action_bounds: ActionBounds | None = None
    data_format: str = HDF5
    total_steps: int | None = None


def metadata_file(folder: Path) -> Path:
    """The file of the description."""
    return folder / "data" / "metadata.json"


def read_metadata(folder: Path) -> MinariMetadata:
    """The description of the dataset in ``folder``; an empty one where it has none.

    Raises
    ------
    UserError
        It is damaged, or names a format that is not read here.
    """
    file = metadata_file(folder)
    if not file.is_file():
        return MinariMetadata()
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        environment = _json(content.get("env_spec")) or {}
        steps = content.get("total_steps")
        metadata = MinariMetadata(
            dataset_id=content.get("dataset_id"),
            environment=environment.get("id"),
            options=environment.get("kwargs") or {},
            action_bounds=_bounds(_json(content.get("action_space"))),
            data_format=str(content.get("data_format", HDF5)),
            total_steps=None if steps is None else int(steps),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UserError(f"{file} is no readable description of a Minari dataset") from problem
    if metadata.data_format not in FORMATS:
        raise UserError(f"{file} says data_format {metadata.data_format}; {', '.join(FORMATS)} are read")
    return metadata


def _json(value: Any) -> Any:
    """Minari keeps JSON as text within JSON."""
    return json.loads(value) if isinstance(value, str) else value


def _bounds(space: Any) -> ActionBounds | None:
    if not isinstance(space, dict) or space.get("type") != "Box":
        return None
    low, high = (np.ravel(np.array(space[name], dtype=np.float64)) for name in ("low", "high"))
    return ActionBounds.of(low, high) if np.isfinite(low).all() and np.isfinite(high).all() else None
