#!/usr/bin/env bash
# Minari's Arrow and Parquet storage gives back other episodes than were written, without a word; its HDF5 storage does not.
# An episode with as many observations as actions loses its last step. One of more than 32,768 rows ends there, and its
# rest comes under the number of the next episode, whose own steps do not come at all. Both times total_steps stays right.
#
# Versions: minari 0.5.4, pyarrow 26.0.1, h5py 3.16.0, gymnasium 1.4.0, numpy 2.4.6, Python 3.11.
# Behaviour: two datasets of two episodes in each format; an action is its step's number, and 1,000,000 more in episode 1.
#   iterate_episodes gives steps, first and last action of each episode.
# Seen: below. By its number alone, as dataset[1], episode 1 is right. The script fails if that changes.
# Use: PYTHON=python3.11 findings/minari_columnar_storage_loses_steps.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q minari==0.5.4 pyarrow==26.0.1 h5py==3.16.0 pillow==13.0.0 gymnasium==1.4.0 numpy==2.4.6
cat > "$work/show.py" <<'PYTHON'
import minari
import numpy as np
from gymnasium.spaces import Box
from minari.data_collector.episode_buffer import EpisodeBuffer

SPACE = Box(-np.inf, np.inf, (1,), np.float32)


def episode(number, steps, observations):
    return EpisodeBuffer(
        id=number,
        observations=np.zeros((observations, 1), np.float32),
        actions=np.arange(steps, dtype=np.float32).reshape(-1, 1) + 1_000_000 * number,
        rewards=[0.0] * steps,
        terminations=[False] * steps,
        truncations=[False] * (steps - 1) + [True],
    )


CASES = {
    "equal": [episode(0, 3, 3), episode(1, 3, 3)],  # as many observations as actions
    "long": [episode(0, 40_000, 40_001), episode(1, 5, 6)],
}
for form in ("hdf5", "arrow", "parquet"):
    for case, episodes in CASES.items():
        dataset = minari.create_dataset_from_buffers(
            f"{form}/{case}-v0", episodes, observation_space=SPACE, action_space=SPACE, data_format=form
        )
        read = [(len(found.actions), int(found.actions[0, 0]), int(found.actions[-1, 0])) for found in dataset]
        print(form, case, dataset.total_steps, *read, len(dataset[1].actions))
PYTHON
MINARI_DATASETS_PATH="$work/datasets" "$work/venv/bin/python" -W ignore "$work/show.py" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
hdf5 equal 6 (3, 0, 2) (3, 1000000, 1000002) 3
hdf5 long 40005 (40000, 0, 39999) (5, 1000000, 1000004) 5
arrow equal 6 (2, 0, 1) (2, 1000000, 1000001) 2
arrow long 40005 (32767, 0, 32766) (7232, 32768, 39999) 5
parquet equal 6 (2, 0, 1) (2, 1000000, 1000001) 2
parquet long 40005 (32767, 0, 32766) (7232, 32768, 39999) 5
SEEN
echo "as described"
