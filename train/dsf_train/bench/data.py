"""The file that a run trains on, and whether it is D4RL's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import UserError
from dsf_common.hdf5_links import reading_hdf5
from dsf_train.datasets import find_dataset
from neuro_runtime.environments import EnvironmentSpec

STAND_IN = "standin"  # in a file's name


@dataclass(frozen=True)
class Data:
    """A dataset to train on; no path leaves it to `dsf-train` to find, fetch or make it."""

    path: Path | None
    is_stand_in: bool = False


def choose_data(spec: EnvironmentSpec, folder: Path | None) -> Data:
    """The data of ``spec``: in ``folder``, or where `dsf-train` looks.

    In a folder, ``<D4RL's name>*.hdf5`` is looked for, ``pen-expert-v1.hdf5`` for example, and then a stand-in,
    ``<D4RL's name without its version, in hyphens>-standin*.hdf5``, ``pen-expert-standin.hdf5``. A file that says in
    ``metadata/origin`` that it is a stand-in is one under any name.

    Raises
    ------
    UserError
        The folder holds neither.
    """
    if spec.generated:
        return Data(None)
    if folder is None:
        found = find_dataset(spec)
        return Data(None, found is not None and found.kind == "d4rl" and any(map(_says_stand_in, found.paths)))
    name = Path(spec.d4rl_file).stem
    plain = re.sub(r"-v\d+$", "", name).replace("_", "-")
    patterns = [f"{name}*.hdf5", f"{plain}-{STAND_IN}*.hdf5"] if name else []
    for pattern in patterns:
        for path in sorted(folder.expanduser().glob(pattern)):
            return Data(path, STAND_IN in path.name or _says_stand_in(path))
    raise UserError(
        f"there is no dataset of {spec.name} in {folder} ({' or '.join(patterns) or 'D4RL has none'}); put it there, "
        "or leave the environment out of envs="
    )


def _says_stand_in(path: Path) -> bool:
    try:
        with reading_hdf5(path) as file:
            origin = file["metadata/origin"][()] if "metadata/origin" in file else b""
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return False  # its reader says what is wrong
    return b"stand-in" in (origin if isinstance(origin, bytes) else str(origin).encode())
