"""robomimic's HDF5 files: ``data/demo_<i>/{obs/<part>, actions, rewards, dones}``, a demonstration an episode."""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import numpy as np

from dsf_common.errors import UserError
from dsf_train.datasets.d4rl import parts_of
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.numbered_groups import in_order
from dsf_train.datasets.reading import Reading
from dsf_train.datasets.trajectory import EndMarks, trajectory

_DEMONSTRATION = "demo_"


def is_robomimic(file: h5py.File) -> bool:
    """Whether an open file is in robomimic's layout."""
    data = file.get("data")
    return isinstance(data, h5py.Group) and any(name.startswith(_DEMONSTRATION) for name in data)


def robomimic_episodes(file: h5py.File, title: str, reading: Reading) -> Iterator[Episode]:
    """The demonstrations, in the order of their numbers, one in memory at a time; ``mask`` is left alone.

    Raises
    ------
    UserError
        A demonstration lacks observations, actions or rewards, or they do not fit together.
    """
    marks = EndMarks()
    for name in in_order(file["data"], _DEMONSTRATION):
        group, which = file["data"][name], f"{title}, {name},"
        missing = [column for column in ("obs", "actions", "rewards") if column not in group]
        if missing:
            raise UserError(
                f"{which} has no {' or '.join(missing)}; robomimic's dataset_states_to_obs.py writes them from states"
            )
        rewards = np.asarray(group["rewards"][()])
        marks.look_at(group, rewards.size)
        yield trajectory(parts_of(group["obs"]), np.asarray(group["actions"][()]), rewards, which, reading)
    marks.tell(title, reading)
