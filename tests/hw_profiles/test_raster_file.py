"""One decision's spikes, written and read back; a spoiled file is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from dsf_common.errors import UserError
from hw_profiles.raster_file import load_raster, save_raster
from support.saved_run import small_raster
from support.spoiled_files import Spoil, empty, gone, random_bytes, text, truncated


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    raster = small_raster()
    save_raster(raster, tmp_path / "raster.h5")
    read = load_raster(tmp_path / "raster.h5")
    assert (read.seed, read.decision, read.time_steps) == (raster.seed, raster.decision, raster.time_steps)
    assert list(read.spikes) == list(raster.spikes)
    for layer, spikes in raster.spikes.items():
        np.testing.assert_array_equal(read.spikes[layer], spikes)


def other_version(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 9


def other_kind(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = "something else"


def layer_lost(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["spikes/layer1"]


def shorter_layer(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        short = file["spikes/layer1"][:-1]
        del file["spikes/layer1"]
        file["spikes/layer1"] = short


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (gone, "no raster at"),
        (empty, "not a complete raster"),
        (random_bytes, "not a complete raster"),
        (truncated, "not a complete raster"),
        (text("spikes"), "not a complete raster"),
        (other_version, "a raster of version 9"),
        (other_kind, "not a raster that dsf-run wrote"),
        (layer_lost, "not a complete raster"),
        (shorter_layer, "every layer must have the same time steps"),
    ],
)
def test_a_spoiled_file_is_refused(tmp_path: Path, spoil: Spoil, message: str) -> None:
    path = tmp_path / "raster.h5"
    save_raster(small_raster(), path)
    spoil(path)
    with pytest.raises(UserError, match=message) as refused:
        load_raster(path)
    assert "\n" not in str(refused.value)
