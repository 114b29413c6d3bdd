"""The NIR target: stock NIR reads it, other readers run it to the same spikes, and it comes back bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import nir
import nirtorch
import numpy as np
import pytest
import snntorch
import torch
from snntorch.import_nir import import_from_nir

from dsf_common.errors import UserError
from dsf_export.namespace import NAMESPACE
from dsf_export.targets import nir as target
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program import Program, program_hash
from neuro_runtime.simulators.interpreter import Interpreter
from support.random_policies import random_policy
from support.small_policies import (
    ACTIONS,
    OBSERVATIONS,
    PSSA,
    delay_policy,
    lowered,
    made_up,
    pssa_policy,
    quantised,
    sdsa1_policy,
    tssa_policy,
)
from support.spoiled_files import Spoil, empty, gone, random_bytes, truncated

POLICIES = pytest.mark.parametrize(
    "policy", [pssa_policy(), tssa_policy(), sdsa1_policy(), delay_policy()], ids=["pssa", "tssa", "sdsa1", "delay"]
)
STANDARD = {"Input", "Output", "Linear", "LIF", "Delay"}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A NIR file of the PSSA policy."""
    path = tmp_path_factory.mktemp("nir") / "program.nir"
    target.write(quantised(pssa_policy()), path)
    return path


@POLICIES
def test_the_same_program_comes_back(policy: PolicyModel, tmp_path: Path) -> None:
    program = quantised(policy)
    target.write(program, tmp_path / "program.nir")
    assert program_hash(target.read(tmp_path / "program.nir")) == program_hash(program)


def test_a_float_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="hold programs in loihi arithmetic, this one is in float"):
        target.write(lowered(pssa_policy())[1], tmp_path / "float.nir")
    assert not list(tmp_path.iterdir())


def test_stock_nir_reads_standard_nodes(stored: Path) -> None:
    graph = nir.read(stored)
    assert {type(node).__name__ for node in graph.nodes.values()} == STANDARD
    assert not any("." in name for name in graph.nodes)
    lif = graph.nodes["block0_mlp_hidden"]
    np.testing.assert_allclose(1 - target.TIME_STEP / lif.tau, 0.25)
    np.testing.assert_allclose(lif.r * target.TIME_STEP / lif.tau, 1.0)
    assert (lif.v_threshold == 1).all()


def test_only_the_past_is_delayed(stored: Path) -> None:
    """Path lengths need no equalising where connections take no time: each delay is whole decisions."""
    delays = [node.delay for node in nir.read(stored).nodes.values() if isinstance(node, nir.Delay)]
    periods = np.unique(np.concatenate(delays) / target.TIME_STEP / quantised(pssa_policy()).period)
    np.testing.assert_allclose(periods, [0, 1, 2])


@POLICIES
def test_nirtorch_runs_the_graph_to_the_programs_accumulator(policy: PolicyModel, tmp_path: Path) -> None:
    """A reader that is not ours wires the graph; snnTorch's neurons and a delay line of the test's fill it."""
    program = quantised(policy)
    target.write(program, tmp_path / "program.nir")
    network = nirtorch.nir_to_torch(tmp_path / "program.nir", {nir.LIF: _leaky, nir.Delay: _DelayLine})
    _assert_same_accumulator(network, program)


def test_snntorch_imports_the_graph_as_it_is(tmp_path: Path) -> None:
    """snnTorch knows no delays, so the policy has no past: a window of one token."""
    program = quantised(random_policy(replace(PSSA, window=1), OBSERVATIONS, ACTIONS))
    target.write(program, tmp_path / "program.nir")
    _assert_same_accumulator(import_from_nir(nir.read(tmp_path / "program.nir")).float(), program)


def _assert_same_accumulator(network: torch.nn.Module, program: Program) -> None:
    interpreter = Interpreter(program)
    fired = 0
    for token in made_up(pssa_policy(), decisions=12).episodes[0]:
        given = program.encoder.quantise(program.encoder.encode(token))
        decision = interpreter.decide(given)
        wanted = decision.accumulator * program.readout.inverse_scale
        got = np.sum(list(_steps(network, program, given / program.encoder.input_scale)), axis=0)
        np.testing.assert_allclose(got, wanted, atol=1e-5)
        fired += sum(decision.spikes.values())
    assert fired > 1000


def _steps(network: torch.nn.Module, program: Program, current: np.ndarray) -> Iterator[np.ndarray]:
    """The graph's output in each of the decision's time steps."""
    active = torch.tensor([[*current, 1.0]], dtype=torch.float32)
    for step in range(program.period):
        output, _ = network(active if step < program.active_steps else torch.zeros_like(active))
        yield output[0].detach().numpy()


def _leaky(node: nir.LIF) -> torch.nn.Module:
    decay = float(1 - target.TIME_STEP / node.tau[0])
    neurons: torch.nn.Module = snntorch.Leaky(
        beta=decay,
        threshold=float(node.v_threshold[0]),
        reset_mechanism="zero",
        reset_delay=False,
        init_hidden=True,
    )
    return neurons


class _DelayLine(torch.nn.Module):
    """``y(t) = x(t − τ)``, a delay a channel."""

    def __init__(self, node: nir.Delay) -> None:
        super().__init__()
        self.steps = torch.from_numpy(np.rint(node.delay / target.TIME_STEP)).long()
        self.past = torch.zeros(int(self.steps.max()) + 1, len(self.steps))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        self.past = torch.cat([values, self.past[:-1]])
        return self.past[self.steps, torch.arange(len(self.steps))][None]


def test_single_precision_changes_nothing(stored: Path, tmp_path: Path) -> None:
    """A tool that keeps weights in float32 does not change the program."""
    graph = nir.read(stored)
    for node in graph.nodes.values():
        if isinstance(node, nir.Linear):
            node.weight = node.weight.astype(np.float32)
    nir.write(tmp_path / "single.nir", graph)
    assert program_hash(target.read(tmp_path / "single.nir")) == program_hash(quantised(pssa_policy()))


def _drop_an_edge(graph: nir.NIRGraph) -> None:
    graph.edges.pop()


def _raise_a_threshold(graph: nir.NIRGraph) -> None:
    graph.nodes["block0_mlp_hidden"].v_threshold[3] = 1.5


def _raise_a_weight(graph: nir.NIRGraph) -> None:
    name = next(name for name in graph.nodes if name.startswith("block0_mlp_hidden_to_action"))
    weight = graph.nodes[name].weight
    weight[0, 0] = 10 * np.abs(weight).max()


def _forget_an_array(graph: nir.NIRGraph) -> None:
    del graph.metadata[NAMESPACE]["arrays"]["encoder"]


def _damage_the_header(graph: nir.NIRGraph) -> None:
    graph.metadata[NAMESPACE]["header"] = "{"


def _forget_a_connection(graph: nir.NIRGraph) -> None:
    header = graph.metadata[NAMESPACE]["header"]
    graph.metadata[NAMESPACE]["header"] = header.replace('"block1.mlp.hidden"', '"block1.mlp.hiden"', 1)


def _forget_the_metadata(graph: nir.NIRGraph) -> None:
    graph.metadata.clear()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_drop_an_edge, "edges were added or removed"),
        (_raise_a_threshold, "node block0_mlp_hidden was changed"),
        (_raise_a_weight, "weight is .* outside -256 … 254"),
        (_forget_an_array, "damaged program"),
        (_damage_the_header, "header is damaged"),
        (_forget_a_connection, "do not fit"),
        (_forget_the_metadata, "did not write this NIR graph"),
    ],
)
def test_a_changed_graph_is_refused_in_one_sentence(
    stored: Path, tmp_path: Path, change: Callable[[nir.NIRGraph], None], sentence: str
) -> None:
    graph = nir.read(stored)
    change(graph)
    nir.write(tmp_path / "changed.nir", graph)
    with pytest.raises(UserError, match=sentence):
        target.read(tmp_path / "changed.nir")


def _other_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["numbers"] = np.arange(4)


def _unknown_nodes(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        kind = file["node/nodes/block0_mlp_hidden/type"]
        kind[()] = "Perceptron"


def _foreign(path: Path) -> None:
    nir.write(path, nir.NIRGraph.from_list(nir.Linear(np.eye(2))))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (truncated, "not a readable NIR file"),
        (random_bytes, "not a readable NIR file"),
        (empty, "not a readable NIR file"),
        (_other_hdf5, "not a readable NIR file"),
        (_unknown_nodes, "not a readable NIR file"),
        (_foreign, "did not write this NIR graph"),
        (gone, "there is no NIR file"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(stored: Path, tmp_path: Path, damage: Spoil, sentence: str) -> None:
    path = tmp_path / "bad.nir"
    path.write_bytes(stored.read_bytes())
    damage(path)
    with pytest.raises(UserError, match=sentence) as refusal:
        target.read(path)
    assert "\n" not in str(refusal.value)
