"""HDF5 files: D4RL's flat columns, robomimic's demonstrations, or Minari's episodes, by their content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsf_common.files import require_readable
from dsf_common.hdf5_links import reading_hdf5
from dsf_common.read_errors import unreadable
from dsf_train.datasets.d4rl import d4rl_episodes
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.minari import minari_episodes, minari_groups
from dsf_train.datasets.reading import Reading
from dsf_train.datasets.robomimic import is_robomimic, robomimic_episodes


def read_hdf5(path: Path, reading: Reading) -> Iterator[Episode]:
    """The episodes of an HDF5 file, few of them in memory at once.

    Raises
    ------
    UserError
        The file is missing, damaged, or of no layout that is known here.
    """
    require_readable(path, f"there is no dataset {path}; `dsf-data list` shows what is here")
    try:
        with reading_hdf5(path) as file:
            if is_robomimic(file):
                yield from robomimic_episodes(file, str(path), reading)
            elif "episode_0" in file:
                yield from minari_episodes(minari_groups(file), str(path), reading, {})
            else:
                yield from d4rl_episodes(file, str(path), reading)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        raise unreadable(path, problem, "HDF5 dataset", "copy or fetch it to another place") from problem
