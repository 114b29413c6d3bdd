"""The counted activity of a run, decision by decision, in one HDF5 file.

Layout, for N decisions of E episodes; ``format``, ``version``, ``environment``, ``return_target`` and ``provenance``
(JSON) are attributes of the root, texts in UTF-8 as bytes of fixed length::

    episodes/{seed, steps, score}                                                          (E,)
    decisions/action                                                                       (N, act)
    decisions/{reward, seconds, time_steps, host_macs, idle_neuron_steps, messages}        (N,)
    spikes/<layer>, neuron_steps/<layer>, synops/<target layer>                            (N,)

Episodes lie one after another, ``steps`` decisions each. HDF5's latest layout has checksums over its structures, and
Fletcher's over the values, so that any reader refuses a damaged file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.hdf5 import atomic_hdf5
from neuro_runtime.episodes.rollout import Rollout

FORMAT = "decision-spikeformer trace"
VERSION = 1

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Trace:
    """A run as columns; the module's docstring gives shapes.

    Attributes
    ----------
    episodes, decisions
        Columns by name: one row an episode, one row a decision.
    spikes, neuron_steps, synops
        Counts by layer, one row a decision (see :class:`~neuro_runtime.activity.Activity`).
    provenance
        Where the policy came from, and versions.
    """

    environment: str
    return_target: float
    provenance: dict[str, str]
    episodes: Columns
    decisions: Columns
    spikes: Columns
    neuron_steps: Columns
    synops: Columns


GROUPS = ("episodes", "decisions", "spikes", "neuron_steps", "synops")
EPISODE_COLUMNS = ("seed", "steps", "score")
COUNT_COLUMNS = ("time_steps", "host_macs", "idle_neuron_steps", "messages")


def trace_of(rollout: Rollout, provenance: Mapping[str, str]) -> Trace:
    """Turn a rollout into columns."""
    episodes, activities = rollout.episodes, rollout.activities
    decisions: Columns = {
        "action": np.concatenate([episode.actions for episode in episodes]),
        "reward": np.concatenate([episode.rewards for episode in episodes]),
        "seconds": rollout.seconds,
    }
    for name in COUNT_COLUMNS:
        decisions[name] = np.array([getattr(activity, name) for activity in activities], np.int64)
    return Trace(
        environment=rollout.environment,
        return_target=rollout.return_target,
        provenance=dict(provenance),
        episodes={name: np.array([getattr(episode, name) for episode in episodes]) for name in EPISODE_COLUMNS},
        decisions=decisions,
        spikes=_by_layer([activity.spikes for activity in activities]),
        neuron_steps=_by_layer([activity.neuron_steps for activity in activities]),
        synops=_by_layer([activity.synops for activity in activities]),
    )


def save_trace(trace: Trace, path: str | Path) -> None:
    """Write a trace to ``path``."""
    with atomic_hdf5(path, libver="latest") as file:
        file.attrs.update(version=VERSION, return_target=trace.return_target)
        texts = {"format": FORMAT, "environment": trace.environment, "provenance": json.dumps(trace.provenance)}
        for name, text in texts.items():
            # Its length is fixed, as HDF5 keeps others in a heap that has no checksum.
            content = text.encode()
            file.attrs.create(name, content, dtype=h5py.string_dtype("utf-8", max(1, len(content))))
        for group in GROUPS:
            for name, column in getattr(trace, group).items():
                file.create_dataset(f"{group}/{name}", data=column, compression="gzip", shuffle=True, fletcher32=True)


def _by_layer(counts: Sequence[Mapping[str, int]]) -> Columns:
    return {layer: np.array([count[layer] for count in counts], np.int64) for layer in counts[0]}
