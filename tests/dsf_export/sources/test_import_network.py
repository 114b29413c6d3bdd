"""Networks of other frameworks: the float network is the writer's, the program is that network, and so is Lava's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.command_export import main
from dsf_export.sources.content import content_of
from dsf_export.sources.float_network import FloatNetwork, run_network
from dsf_export.sources.import_document import warnings_of
from dsf_export.sources.import_of_call import import_file, text_of
from dsf_export.sources.imported import Imported
from dsf_export.sources.read_source import read_network, source_options
from neuro_runtime.command_run import main as run
from neuro_runtime.program import load_spiking_program
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from support.small_nir import affine, cuba, ends, lif, recurrent_graph, write_graph
from support.writers import by_snntorch

PLAIN = ("dt=1e-4", "reset=zero", "compare=gt")


def read(path: Path, *pairs: str) -> FloatNetwork:
    return read_network(path, content_of(path), source_options(pairs))


def spikes(shape: tuple[int, ...], seed: int, rate: float = 0.3, steps: int = 60) -> NDArray[Any]:
    return (np.random.default_rng(seed).random((steps, *shape)) < rate).astype(np.float64)


@pytest.mark.parametrize("name", by_snntorch.NETWORKS)
def test_the_float_network_spikes_as_snntorch_does(name: str, tmp_path: Path) -> None:
    drawn = by_snntorch.NETWORKS[name]
    module, path = by_snntorch.make(name, seed=3), tmp_path / "network.nir"
    by_snntorch.export(module, drawn.shape, path)
    network = read(path, *drawn.options)
    for seed in range(2):
        sample = spikes(drawn.shape, seed)
        np.testing.assert_array_equal(run_network(network, sample).output, by_snntorch.run(module, sample))


@pytest.mark.parametrize("name", ["leaky-zero", "leaky-subtract", "recurrent-subtract", "unequal-beta", "convolution"])
@pytest.mark.parametrize("kind", ["spikes", "values"])
def test_a_program_of_an_snntorch_network_differs_by_rounding_alone(name: str, kind: str, tmp_path: Path) -> None:
    drawn, path = by_snntorch.NETWORKS[name], tmp_path / "network.nir"
    by_snntorch.export(by_snntorch.make(name, seed=3), drawn.shape, path)
    imported = import_file(path, content_of(path), [*drawn.options, f"input={kind}"])
    float32, _, lowered, integers = imported.rows
    assert float32.spikes > 100
    assert lowered.different == 0
    assert integers.different <= 0.01 * integers.compared


@pytest.mark.lava
def test_lava_runs_an_imported_network_spike_for_spike(tmp_path: Path) -> None:
    """Synaptic currents, a loop and a bias."""
    path = recurrent_graph(tmp_path / "network.nir")
    program = import_file(path, content_of(path), PLAIN).program
    sample = spikes((8,), seed=5, steps=50)
    timed = program.for_steps(len(sample) + program.latency)
    ours = run_sample(timed, Interpreter(timed), sample)
    with LavaSession(timed, record_states=True) as lava:
        for _ in range(2):  # the second begins from nothing again
            theirs = run_sample(timed, lava, sample)
            assert ours.output.sum() > 0
            np.testing.assert_array_equal(ours.output, theirs.output)
            for part in ("spikes", "currents", "voltages"):
                for node, values in getattr(ours.recording, part).items():
                    np.testing.assert_array_equal(values, getattr(theirs.recording, part)[node])


def test_an_export_writes_the_program_and_says_every_convention(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = recurrent_graph(tmp_path / "a network.bin"), tmp_path / "out.dsf.h5"
    assert main([str(path), "--target", "lava", "reset=zero", "compare=gt", "--output", str(output), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["conventions"]["dt"] == "0.0001 (told by the file's numbers)"
    assert document["conventions"]["reset"] == "zero (given)"
    program = load_spiking_program(output)
    assert isinstance(program, SampleProgram)
    assert json.loads(program.provenance["conventions"]) == document["conventions"]
    assert main([str(path), "--target", "lava", "reset=zero", "compare=gt", "--output", str(output)]) == 0
    assert "program in Loihi's integers" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["spikes", "values"])
def test_a_leak_beside_a_delayed_input_begins_with_the_sample(kind: str, tmp_path: Path) -> None:
    nodes = ends([4], [4]) | {"late": ("Delay", {"delay": np.full(4, 3e-4)}), "lif": lif(4, v_leak=np.full(4, 0.5))}
    edges = [("input", "late"), ("late", "lif"), ("lif", "output")]
    imported = import_file(write_graph(tmp_path / "n.nir", nodes, edges), "nir", [*PLAIN, f"input={kind}"])
    _, _, lowered, _ = imported.rows
    assert lowered.spikes > 0
    assert lowered.different == 0


def test_an_output_that_some_neurons_do_not_reach_is_0_there(tmp_path: Path) -> None:
    nodes = ends([5], [4]) | {"fc": affine(4, 5, 1, 3.0), "lif": lif(4)}
    nodes |= {"mask": ("Linear", {"weight": np.diag([1, 1, 0, 0]).astype(np.float32)})}
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "mask"), ("mask", "output")]
    imported = import_file(write_graph(tmp_path / "n.nir", nodes, edges), "nir", PLAIN)
    assert imported.rows[2].different == 0


def test_synapses_whose_weights_all_round_to_0_are_shown_as_none(tmp_path: Path) -> None:
    """Few of a small weight, beside an input of a large one that sets the layer's scale."""
    tiny = np.zeros((4, 12), dtype=np.float32)
    tiny[:, 3] = 1e-6
    nodes = ends([5], [4]) | {"hidden": affine(12, 5, 1, 3.0), "lif": lif(12), "out": lif(4)}
    nodes |= {"tiny": ("Linear", {"weight": tiny}), "large": affine(4, 5, 2, 3.0)}
    edges = [("input", "hidden"), ("hidden", "lif"), ("lif", "tiny"), ("tiny", "out"), ("input", "large")]
    path = write_graph(tmp_path / "network.nir", nodes, [*edges, ("large", "out"), ("out", "output")])
    assert main([str(path), "--target", "lava", *PLAIN]) == 0
    (vanished,) = load_spiking_program(tmp_path / "program.dsf.h5").connections_from("lif")
    assert vanished.weighted
    assert not np.size(vanished.weight)


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    path = recurrent_graph(tmp_path_factory.mktemp("recurrent") / "network.nir")
    return import_file(path, "nir", PLAIN)


def small(path: Path, kind: str) -> Path:
    nodes = ends([5], [4]) | {"fc": affine(4, 5, 1, 3.0)}
    if kind == "no neurons":
        return write_graph(path, nodes, [("input", "fc"), ("fc", "output")])
    if kind == "silent output":
        edges = [("input", "fc"), ("fc", "lif"), ("lif", "out"), ("out", "output")]
        return write_graph(path, nodes | {"lif": lif(4), "out": lif(4, v_threshold=np.full(4, 100.0))}, edges)
    tau, r = (20.0, 1.0) if kind == "as sinabs" else (1e-3, 1e-3)
    nodes |= {"lif": lif(4, tau=np.full(4, tau), r=np.full(4, r))}
    return write_graph(path, nodes, [("input", "fc"), ("fc", "lif"), ("lif", "output")])


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("no neurons", "warning: the network has no neurons that fire, so no spikes were compared"),
        ("silent", "warning: no neuron fired on the calibration, so nothing was compared"),
        ("silent output", "warning: no output fired on the calibration, so no classes were compared"),
        ("as sinabs", "the file's numbers look like sinabs, whose preset from=sinabs takes"),
    ],
)
def test_an_export_and_a_run_say_the_same_of_what_they_could_not_know(
    kind: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, samples = small(tmp_path / "network.nir", kind), tmp_path / "samples.npz"
    np.savez(samples, input=spikes((2, 5), 1).swapaxes(0, 1))
    dt = "dt=1" if kind == "as sinabs" else "dt=1e-4"
    options = [dt, "reset=zero", "compare=gt"]
    assert main([str(path), "--target", "lava", *options, "--output", str(tmp_path / "out.dsf.h5")]) == 0
    exported = capsys.readouterr().out
    assert run([f"policy={path}", f"input={samples}", *options, "--backend", "interpreter"]) == 0
    ran = capsys.readouterr().out
    for said in (sentence, "reset = zero (given)", "calibration: 8 made samples of 100 time steps"):
        assert said in exported
        assert said in ran


@pytest.mark.parametrize(
    ("chip", "state", "sentences"),
    [
        (Chip.portable, "arriving", ["out is brought more than 21 bits in a step, which wraps on Loihi 1"]),
        (Chip.loihi1, "arriving", ["out is brought more than 21 bits in a step, which wraps on Loihi 1"]),
        (Chip.loihi2, "arriving", []),
        (Chip.loihi2, "voltage", ["v of out reached the end of its 24 bits, where integers saturate"]),
    ],
)
def test_a_limit_is_warned_of_where_the_chip_has_it(
    chip: Chip, state: str, sentences: list[str], recurrent: Imported
) -> None:
    *others, out = recurrent.layers
    full: dict[str, Any] = {"layer": "out", "voltage": 0.5, "arriving": 0.5, state: 1.0}
    warnings = warnings_of(replace(recurrent, chip=chip, layers=(*others, replace(out, **full))))
    assert len(warnings) == len(sentences)
    assert all(sentence in warning for sentence, warning in zip(sentences, warnings, strict=True))


def test_membranes_are_compared_and_count_as_no_places_of_spikes(tmp_path: Path) -> None:
    path = small(tmp_path / "network.nir", "no neurons")
    imported = import_file(path, "nir", PLAIN)
    assert imported.rows[-1].compared == 0
    assert imported.membrane_error is not None
    assert 0 < imported.membrane_error < 0.01
    assert "output membranes: integers differ by up to 0." in text_of(imported)


def test_a_name_decides_nothing(tmp_path: Path) -> None:
    """A loop's step is taken at the same place whatever its nodes are called, so the spikes are the same."""
    one = read(recurrent_graph(tmp_path / "one.nir"), *PLAIN)
    nodes = ends([8], [3]) | {
        "z": affine(12, 8, 1),
        "y": cuba(12),
        "a": affine(12, 12, 2, 0.4),
        "x": affine(3, 12, 3),
        "b": cuba(3),
    }
    edges = [("input", "z"), ("z", "y"), ("y", "a"), ("a", "y"), ("y", "x"), ("x", "b"), ("b", "output")]
    other = read(write_graph(tmp_path / "other.nir", nodes, edges), *PLAIN)
    sample = spikes((8,), seed=2)
    np.testing.assert_array_equal(run_network(one, sample).output, run_network(other, sample).output)


@pytest.mark.parametrize("kind", ["spikes", "values"])
def test_a_layer_may_have_any_name_that_a_program_would_give(kind: str, tmp_path: Path) -> None:
    """One of two time constants is two nodes, and the biases have a line of their own."""
    two = lif(4, tau=np.array([1e-3, 2e-3, 1e-3, 2e-3]), r=np.array([10.0, 20.0, 10.0, 20.0]))

    def rows(*names: str) -> tuple[object, ...]:
        first, second = names
        nodes = ends([5], [4]) | {"fc": affine(4, 5, 1, 3.0), first: two, "fc2": affine(4, 4, 1, 3.0), second: lif(4)}
        edges = [("input", "fc"), ("fc", first), (first, "fc2"), ("fc2", second), (second, "output")]
        path = write_graph(tmp_path / "network.nir", nodes, edges)
        return import_file(path, "nir", [*PLAIN, f"input={kind}"]).rows

    assert rows("a", "a.0") == rows("a", "bias") == rows("a.0.current", "a.0") == rows("one", "two")


def test_batch_dimensions_duplicate_edges_and_lost_names_are_repaired_and_said(tmp_path: Path) -> None:
    inner = {
        "nodes": ends([4], [4]) | {"lif1": lif(4), "lin": affine(4, 4, 2, 0.3)},
        "edges": [("input", "lif"), ("lif", "lin"), ("lin", "lif"), ("lif", "output")],
    }
    nodes = ends([1, 5], [1, 1, 4]) | {"fc": affine(4, 5, 1, 2.0), "layer": ("NIRGraph", inner)}
    edges = [("input", "fc"), ("input", "fc"), ("fc", "layer"), ("layer", "output")]
    network = read(write_graph(tmp_path / "network.nir", nodes, edges), *PLAIN)
    assert network.shapes["input"] == (5,)
    assert [note.split(",")[0].split(";")[0] for note in network.notes] == [
        "edges of layer name lif",
        "1 duplicate edges count once",
        "input has the type [1",
        "output has the type [1",
    ]


def test_what_a_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    path = recurrent_graph(tmp_path / "network.nir")
    with pytest.raises(
        UserError, match=r"does not say reset nor compare: give reset=zero\|subtract, compare=gt\|ge, or"
    ):
        read(path)
    with pytest.raises(UserError, match="its numbers look like sinabs's, which writes neurons that scale"):
        read(small(tmp_path / "steps.nir", "as sinabs"), "reset=zero", "compare=gt")
    with pytest.raises(UserError, match="synaptic current and resets by subtraction"):
        import_file(path, "nir", ["dt=1e-4", "reset=subtract", "compare=gt"])
    with pytest.raises(UserError, match="held at 0 for the whole step after a spike"):
        import_file(path, "nir", ["from=snntorch", "reset=zero"])


def test_at_the_threshold_a_neuron_fires_as_the_file_is_read(tmp_path: Path) -> None:
    """An integrator of weight 0.5: v is exactly 1 after two spikes."""
    integrator = ("IF", {"r": np.array([1.0]), "v_threshold": np.array([1.0])})
    weight = ("Linear", {"weight": np.array([[0.5]])})
    nodes = ends([1], [1]) | {"w": weight, "if": integrator}
    path = write_graph(tmp_path / "if.nir", nodes, [("input", "w"), ("w", "if"), ("if", "output")])
    sample = np.ones((12, 1))
    for compare, expected in (("ge", 6), ("gt", 4)):
        imported = import_file(path, "nir", ["dt=1", "reset=zero", f"compare={compare}"])
        program = imported.program.for_steps(len(sample) + 1)
        assert run_network(imported.network, sample).output.sum() == expected
        assert run_sample(program, Interpreter(program), sample).output.sum() == expected
