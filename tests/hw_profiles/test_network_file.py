"""The network file: what is saved comes back, and whatever else is there is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsf_common.errors import UserError
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import ChipNetwork, Role
from hw_profiles.network_file import load_network, save_network
from support.small_networks import random_network
from support.spoiled_files import Spoil, a_folder, empty, end_lost, gone, random_bytes, text, truncated

ARRAYS = ("source_index", "target_index", "delay", "format_index")


def assert_same_network(one: ChipNetwork, other: ChipNetwork) -> None:
    """Field by field, array by array."""
    plain = ("name", "layout", "active_steps", "period", "populations", "host_currents", "host_macs", "context")
    assert all(getattr(one, name) == getattr(other, name) for name in plain)
    assert len(one.projections) == len(other.projections)
    for first, second in zip(one.projections, other.projections, strict=True):
        assert (first.source, first.target) == (second.source, second.target)
        assert first.synapses.formats == second.synapses.formats
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(first.synapses, name), getattr(second.synapses, name))
            assert getattr(second.synapses, name).dtype == np.int32


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31), context=st.integers(0, 3))
def test_what_is_saved_comes_back(tmp_path: Path, seed: int, context: int) -> None:
    network = random_network(seed)
    network = window_layout(network, context) if context else network
    save_network(network, tmp_path / "network.h5")
    assert_same_network(load_network(tmp_path / "network.h5"), network)


def version_of(network: ChipNetwork, path: Path) -> int:
    """The version that a network's file says it has."""
    save_network(network, path)
    assert_same_network(load_network(path), network)
    with h5py.File(path) as file:
        return int(json.loads(file["header"][()].tobytes())["version"])


def test_the_version_is_the_first_that_can_say_a_networks_neurons(tmp_path: Path) -> None:
    """A release that reads version 1 alone would take a reset or a graded spike for damage."""
    plain = random_network(1)

    def with_first(**changes: Any) -> ChipNetwork:
        first, *others = plain.populations
        return replace(plain, populations=(replace(first, **changes), *others))

    parameters = plain.populations[0].parameters
    assert version_of(plain, tmp_path / "network.h5") == 1
    assert version_of(with_first(parameters=replace(parameters, reset_step=2)), tmp_path / "network.h5") == 2
    assert version_of(with_first(parameters=replace(parameters, reset_step=0)), tmp_path / "network.h5") == 2
    assert version_of(with_first(role=Role.graded), tmp_path / "network.h5") == 2


def test_shared_synapses_are_saved_once(tmp_path: Path) -> None:
    save_network(window_layout(random_network(1), 5), tmp_path / "five.h5")
    save_network(window_layout(random_network(1), 50), tmp_path / "fifty.h5")
    back = load_network(tmp_path / "fifty.h5")
    assert len({id(item.synapses) for item in back.projections}) < len(back.projections)
    with h5py.File(tmp_path / "fifty.h5") as fifty, h5py.File(tmp_path / "five.h5") as five:
        assert len(fifty["synapses"]) == len(five["synapses"])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (gone, "no network file"),
        (a_folder, "no network file"),
        (empty, "is damaged"),
        (random_bytes, "is damaged"),
        (text("nothing"), "is damaged"),
        (truncated, "is damaged"),
        (end_lost, "is damaged"),
    ],
)
def test_a_spoiled_file_is_refused(tmp_path: Path, spoil: Spoil, words: str) -> None:
    path = tmp_path / "network.h5"
    save_network(random_network(2), path)
    spoil(path)
    with pytest.raises(UserError, match=words):
        load_network(path)


def without_header(header: dict[str, Any]) -> None:
    header.clear()


def other_version(header: dict[str, Any]) -> None:
    header["version"] = 99


def unknown_role(header: dict[str, Any]) -> None:
    header["populations"][0]["role"] = "dendrite"


def no_such_population(header: dict[str, Any]) -> None:
    header["projections"][0][0] = "nobody"


def no_such_synapses(header: dict[str, Any]) -> None:
    header["projections"][0][2] = 77


def negative_size(header: dict[str, Any]) -> None:
    header["populations"][0]["size"] = -1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_header, "is damaged"),
        (other_version, "has version 99, this version reads 1 to 2; run the policy again"),
        (unknown_role, "is damaged"),
        (no_such_population, "names nobody, which is no population"),
        (no_such_synapses, "is damaged"),
        (negative_size, "has -1 neurons; give it 1 or more"),
    ],
)
def test_a_changed_header_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str) -> None:
    path = tmp_path / "network.h5"
    save_network(random_network(2), path)
    with h5py.File(path, "r+") as file:
        header = json.loads(file["header"][()].tobytes())
        change(header)
        del file["header"]
        file.create_dataset("header", data=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8))
    with pytest.raises(UserError, match=words):
        load_network(path)


def test_an_index_out_of_range_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.h5"
    save_network(random_network(2), path)
    with h5py.File(path, "r+") as file:
        file["synapses/0/target_index"][0] = 200
    with pytest.raises(UserError, match="has target 200 of only"):
        load_network(path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "something else"
    with pytest.raises(UserError, match="is not a network file"):
        load_network(path)
