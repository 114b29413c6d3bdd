"""Networks as five frameworks wrote them: their spikes are the frameworks' own, or the import says what it lacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_export.sources.import_document import warnings_of
from dsf_export.sources.import_of_call import import_file
from support.imported_networks import against_writer, imported, spikes_of_integers, spikes_on_lava
from support.writers.golden import goldens, load, of_folder

REFUSED = {
    "rockpool-current": "has a synaptic current and resets by subtraction",
    "rockpool-several-spikes": "fires up to 2 spikes in a time step",
    "sinabs-integrator": "never decays and resets by subtraction",
    "sinabs-several-spikes": "fires up to 3 spikes in a time step",
    "sinabs-three-layers": "fires up to 2 spikes in a time step",
    "snntorch-recurrent-zero": "held at 0 for the whole step after a spike",
    "snntorch-synaptic-zero": "held at 0 for the whole step after a spike",
}
TOLD = [  # norse by r and the size of τ, Rockpool by several τ
    *(name for name in goldens() if name.startswith("norse") and name != "norse-integrator"),
    "rockpool-unequal-tau",
]
ON_LAVA = ("norse-current", "sinabs-leaky", "snntorch-recurrent-subtract")  # a loop, a subtraction, a synaptic current
LARGEST_SHARE = 0.025  # of spikes that differ in integers


def test_five_frameworks_are_there() -> None:
    frameworks = [name.partition("-")[0] for name in goldens()]
    least = {"snntorch": 8, "norse": 4, "sinabs": 4, "spikingjelly": 4, "rockpool": 2}
    assert all(frameworks.count(framework) >= count for framework, count in least.items())


@pytest.mark.parametrize("name", goldens())
def test_the_float_network_has_the_writers_outputs(name: str, tmp_path: Path) -> None:
    golden = load(name)
    found = against_writer(golden, golden.write(tmp_path), golden.options)
    assert found.active > 0
    assert found.different == 0


def test_networks_of_a_folder_are_compared_as_those_that_are_kept(tmp_path: Path) -> None:
    kept = load("norse-current")
    kept.write(tmp_path)
    with pytest.raises(UserError, match=r"is no \.npz file with the arrays input and output"):
        of_folder(tmp_path, kept.options)
    np.savez(tmp_path / "norse-current.npz", input=kept.inputs, output=kept.outputs)
    (own,) = of_folder(tmp_path, kept.options)
    found = against_writer(own, tmp_path / "norse-current.nir", own.options)
    assert found == against_writer(kept, tmp_path / "norse-current.nir", kept.options)
    np.savez(tmp_path / "norse-current.npz", input=kept.inputs[..., 1:], output=kept.outputs)
    (narrow,) = of_folder(tmp_path, kept.options)
    with pytest.raises(UserError, match=r"samples of .* for an input of"):
        against_writer(narrow, tmp_path / "norse-current.nir", kept.options)
    with pytest.raises(UserError, match=r"there is no \.nir or \.net file"):
        of_folder(tmp_path / "none", ())


@pytest.mark.parametrize("name", goldens())
def test_without_options_a_file_is_asked_about_or_read_right(name: str, tmp_path: Path) -> None:
    golden = load(name)
    path = golden.write(tmp_path)
    if name in TOLD:
        assert against_writer(golden, path, ()).different == 0
        return
    with pytest.raises(UserError, match=r"does not say (dt nor )?reset nor compare: give|give norm_input"):
        against_writer(golden, path, ())


@pytest.mark.parametrize("name", goldens())
def test_integers_have_the_floats_spikes_but_for_rounding(name: str, tmp_path: Path) -> None:
    golden = load(name)
    network = imported(golden, golden.write(tmp_path))
    if name in REFUSED:
        assert isinstance(network, str)
        assert REFUSED[name] in network
        return
    assert not isinstance(network, str)
    found = spikes_of_integers(network, list(golden.inputs))
    assert found.different <= LARGEST_SHARE * found.active


@pytest.mark.lava
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ON_LAVA else pytest.mark.long)
        for name in goldens()
        if name not in REFUSED
    ],
)
def test_lava_has_the_integers_spikes(name: str, tmp_path: Path) -> None:
    golden = load(name)
    network = imported(golden, golden.write(tmp_path))
    assert not isinstance(network, str)
    found = spikes_on_lava(network.program, list(golden.inputs))
    assert found.active > 0
    assert found.different == 0


def test_a_network_whose_neurons_may_fire_several_spikes_is_warned_of(tmp_path: Path) -> None:
    golden = load("sinabs-leaky")
    path = golden.write(tmp_path)
    given = [*golden.options, f"calibration={path.with_suffix('.npz')}"]
    warned = warnings_of(import_file(path, "nir", given))
    assert any("may fire several spikes in a time step" in warning for warning in warned)
    assert not warnings_of(import_file(path, "nir", [*given, "multispike=false"]))
