"""NIR files for one reader: the same spikes in snnTorch, and refusals by the node that does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from snntorch.import_nir import import_from_nir

from dsf_common.errors import UserError
from dsf_export.command_export import READER_NAMES, main
from dsf_export.sources.import_of_call import program_of_file
from dsf_export.targets.nir_readers import READERS, find_reader, to_reader, write_for
from dsf_models.checkpoint import save_model_file
from dsf_models.configuration import ModelKind
from neuro_runtime.program import Program
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import Lif
from neuro_runtime.simulators.interpreter import Interpreter
from support.nir_readers import by_equations, by_framework, policy_without_past, tokens
from support.random_policies import random_policy
from support.small_policies import PSSA, lowered, pssa_policy, quantised
from support.small_programs import block_program


@pytest.fixture(scope="module")
def program() -> Program:
    return policy_without_past(blocks=2)


def test_snntorch_gives_the_spikes_of_the_equations(program: Program, tmp_path: Path) -> None:
    """Also where a membrane meets its threshold exactly: all numbers are whole, and it happens."""
    write_for(program, find_reader("snntorch"), tmp_path / "policy.nir")
    graph, different, answered = nir.read(tmp_path / "policy.nir"), 0, 0
    for current in tokens(program, 12):
        wanted = by_equations(graph, current, 1e-4, program.active_steps)
        given = by_framework(import_from_nir, graph, current, program.active_steps)
        different += int((given != wanted).sum())
        answered += int((wanted != 0).sum())
    assert different == 0
    assert answered > 50


@pytest.mark.parametrize("name", ["snntorch", "spikingjelly", "nir104"])
def test_the_equations_are_the_programs_but_for_its_rounding(name: str, program: Program) -> None:
    """A program rounds membranes towards 0 and a graph does not, which rarely decides a spike."""
    reader, interpreter = READERS[name], Interpreter(program)
    graph, near = to_reader(program, reader), 0
    currents = tokens(program, 20)
    for current in currents:
        answer = by_equations(graph, current, reader.dt, program.active_steps).sum(axis=0)
        interpreter.reset()
        accumulator = interpreter.decide(current.astype(np.int64)).accumulator / 2**CURRENT_SHIFT
        near += bool(np.array_equal(answer, accumulator))
    assert near >= 18


def test_norse_gets_chains_in_its_own_time_step() -> None:
    program = policy_without_past(blocks=1)
    norse, snntorch = (to_reader(program, READERS[name]) for name in ("norse", "snntorch"))
    (current,) = tokens(program, 1)
    ours, theirs = (by_equations(graph, current, dt, 4) for graph, dt in ((norse, 1e-3), (snntorch, 1e-4)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert {type(node) for node in norse.nodes.values()} == {nir.Input, nir.Affine, nir.LIF, nir.Output}


def test_the_order_of_names_is_that_of_the_edges(program: Program) -> None:
    for source, target in to_reader(program, READERS["snntorch"]).edges:
        assert source < target


def test_files_for_nir_1_0_4_have_no_reset(program: Program, tmp_path: Path) -> None:
    write_for(program, READERS["nir104"], tmp_path / "old.nir")
    with h5py.File(tmp_path / "old.nir") as file:
        kinds = [dict(node.items()) for node in file["node/nodes"].values() if node["type"][()] == b"LIF"]
        assert len(kinds) == 4
        assert all("v_reset" not in node for node in kinds)
        assert "v_threshold" in kinds[0]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("norse", "n002_block1_mlp_input gets what several nodes send, and norse computes chains alone"),
        ("sinabs", "block0.mlp.input does not fit: sinabs subtracts the threshold"),
        ("spyx", "block0.mlp.input does not fit: spyx compares with the threshold before"),
    ],
)
def test_a_node_that_does_not_fit_is_named(name: str, sentence: str, program: Program) -> None:
    with pytest.raises(UserError, match=sentence):
        to_reader(program, READERS[name])


def test_what_no_reader_holds_is_named(program: Program) -> None:
    with pytest.raises(UserError, match=r"past -> block0\.attention\.gate looks \d+ time steps back"):
        to_reader(quantised(pssa_policy()), READERS["snntorch"])
    with pytest.raises(UserError, match="time steps back"):
        to_reader(block_program(), READERS["spikingjelly"])
    with pytest.raises(UserError, match="this one is in float"):
        to_reader(lowered(pssa_policy())[1], READERS["snntorch"])
    slow = [replace(node, voltage_decay=3500) if isinstance(node, Lif) else node for node in program.nodes]
    with pytest.raises(UserError, match="no power of two, so float32 rounds at thresholds"):
        to_reader(replace(program, nodes=tuple(slow)), READERS["snntorch"])


def test_the_command_writes_it_and_names_readers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(READER_NAMES) == list(READERS)
    config = replace(PSSA, kind=ModelKind.spiking_mlp, blocks=1)
    save_model_file(tmp_path / "model.pt", random_policy(config, 3, 1, environment="pendulum"))
    call = [str(tmp_path / "model.pt"), "--decisions", "4"]
    assert find_reader("snnTorch") is READERS["snntorch"]
    assert main([*call, "--target", "nir", "--for", "norse"]) == 0
    output = tmp_path / "program-norse.nir"
    assert f"wrote {output} for norse" in capsys.readouterr().out
    assert nir.read(output).metadata["decision_spikeformer"]["time_steps_a_token"] == 4
    for arguments, sentence in (
        (["--target", "nir", "--for", "nors"], "unknown reader 'nors': did you mean norse"),
        (["--target", "nir", "--for", "Nors"], "unknown reader 'Nors': did you mean norse"),
        (["--target", "lava", "--for", "norse"], "--for names a reader of NIR files"),
        (["--target", "nir", "--for", "sinabs"], "does not fit: sinabs"),
    ):
        assert main([*call, *arguments]) == 2
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("error:") == 1
    assert main([str(output), "--target", "lava"]) == 2
    assert "it is a copy for norse, which dsf-export does not read back" in capsys.readouterr().err
    with pytest.raises(UserError, match="holds a policy, which is given no samples"):
        program_of_file(output, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.pt", "program-norse.nir"]
