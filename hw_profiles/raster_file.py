"""Every spike of one decision, in one small HDF5 file that a report draws.

Layout; ``format``, ``version``, ``seed`` and ``decision`` are attributes of the root::

    layers                                names in the order in which a token reaches them
    spikes/<layer>                        (time steps, neurons), 0 or 1
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.checksum import CHECKSUM, content_checksum, require_intact
from dsf_common.errors import UserError, first_line
from dsf_common.files import require_readable
from dsf_common.hdf5 import atomic_hdf5
from dsf_common.hdf5_links import reading_hdf5
from dsf_common.versions import if_newer

FORMAT = "decision-spikeformer raster"
VERSION = 1


@dataclass(frozen=True, eq=False)
class SpikeRaster:
    """The spikes of one decision.

    Attributes
    ----------
    seed
        The episode's seed.
    decision
        Its place in the episode, from 0.
    spikes
        Spikes by layer, (time steps, neurons), in the order in which a token reaches the layers.
    """

    seed: int
    decision: int
    spikes: Mapping[str, NDArray[np.bool_]]

    @property
    def time_steps(self) -> int:
        """Time steps of the decision."""
        return len(next(iter(self.spikes.values())))


def save_raster(raster: SpikeRaster, path: str | Path) -> None:
    """Write a raster to ``path``."""
    with atomic_hdf5(path) as file:
        file.attrs.update(format=FORMAT, version=VERSION, seed=raster.seed, decision=raster.decision)
        file.attrs[CHECKSUM] = content_checksum(_checked_content(raster))
        file.attrs["layers"] = json.dumps(list(raster.spikes))
        for layer, spikes in raster.spikes.items():
            file.create_dataset(f"spikes/{layer}", data=spikes.astype(np.uint8), compression="gzip", shuffle=True)


def load_raster(path: str | Path) -> SpikeRaster:
    """Read a raster back.

    Raises
    ------
    UserError
        The file is missing or damaged, is no raster or of another version, or its layers disagree in their time steps.
    """
    require_readable(Path(path), f"no raster at {path}: run the policy again with dsf-run")
    try:
        with reading_hdf5(path) as file:
            return _read(file, path)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not a complete raster: {first_line(error)}") from error


def _read(file: h5py.File, path: str | Path) -> SpikeRaster:
    if file.attrs.get("format") != FORMAT:
        raise UserError(f"{path} is not a raster that dsf-run wrote")
    if file.attrs["version"] != VERSION:
        raise UserError(
            f"{path} is a raster of version {file.attrs['version']}; this version reads {VERSION}"
            f"{if_newer(file.attrs['version'], VERSION)}"
        )
    spikes = {str(layer): file["spikes"][layer][()] != 0 for layer in json.loads(file.attrs["layers"])}
    if not spikes:
        raise UserError(f"{path} holds no layer")
    if any(layer.ndim != 2 for layer in spikes.values()) or len({len(layer) for layer in spikes.values()}) != 1:
        raise UserError(f"{path}: every layer must have the same time steps, (time steps, neurons)")
    raster = SpikeRaster(int(file.attrs["seed"]), int(file.attrs["decision"]), spikes)
    checksum = {CHECKSUM: file.attrs[CHECKSUM]} if CHECKSUM in file.attrs else {}
    require_intact({**_checked_content(raster), **checksum}, str(path), "run the policy again with dsf-run")
    return raster


def _checked_content(raster: SpikeRaster) -> dict[str, Any]:
    """The content that the file's checksum covers."""
    layers = [[name, spikes.astype(np.uint8)] for name, spikes in raster.spikes.items()]
    return {"seed": raster.seed, "decision": raster.decision, "layers": layers}
