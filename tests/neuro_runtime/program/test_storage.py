"""The program file: what is saved comes back, identical to the bit, and whatever else is there is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsf_common.errors import UserError
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import content_hash, load_program, program_hash, save_program
from neuro_runtime.program.wire import program_from_wire, program_to_wire
from neuro_runtime.simulators.interpreter import Interpreter
from support.small_programs import block_program, currents, random_program
from support.spoiled_files import Spoil, a_folder, empty, end_lost, gone, random_bytes, text, truncated


def assert_same_program(first: Program, second: Program) -> None:
    (header, arrays), (other_header, others) = program_to_wire(first), program_to_wire(second)
    assert header == other_header
    assert arrays.keys() == others.keys()
    assert all(np.array_equal(arrays[name], others[name]) for name in arrays)
    assert program_hash(first) == program_hash(second)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31))
def test_file_and_wire_give_back_the_program(tmp_path: Path, seed: int) -> None:
    program = random_program(seed)
    path = tmp_path / f"{seed}.dsf.h5"
    save_program(program, path)
    assert_same_program(load_program(path), program)
    assert_same_program(program_from_wire(*program_to_wire(program)), program)


def test_what_comes_back_runs_the_same(tmp_path: Path) -> None:
    path = tmp_path / "program.dsf.h5"
    save_program(block_program(), path)
    before, after = Interpreter(block_program()), Interpreter(load_program(path))
    for current in currents(block_program(), 3, seed=0):
        assert np.array_equal(before.decide(current).accumulator, after.decide(current).accumulator)


def test_hash_names_the_content() -> None:
    programs = [random_program(seed) for seed in range(5)]
    assert len({program_hash(program) for program in programs}) == 5
    header, arrays = program_to_wire(programs[0])
    wider = {name: array.astype(np.float64 if array.dtype.kind == "f" else np.int64) for name, array in arrays.items()}
    assert content_hash(header, wider) == content_hash(header, arrays), "the bytes an integer is stored in do not count"


def test_a_failed_write_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "program.dsf.h5"
    save_program(block_program(), path)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(OSError, match="no space left"):
        save_program(random_program(0), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["program.dsf.h5"]


def _header(change: Callable[[dict[str, object]], object]) -> Spoil:
    """A file whose header is changed and whose hash fits the change, as another release might write it."""

    def spoil(path: Path) -> None:
        header, arrays = program_to_wire(load_program(path))
        content = json.loads(header)
        change(content)
        header = json.dumps(content)
        with h5py.File(path, "r+") as file:
            del file["header"]
            file["header"] = np.frombuffer(header.encode(), dtype=np.uint8)
            file.attrs["sha256"] = content_hash(header, arrays)

    return spoil


def _first_weight(path: Path, value: int) -> None:
    with h5py.File(path, "r+") as file:
        weight = file["arrays/connections/2/weight"]
        weight[0, 0] = value


def _other_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["observations"] = np.zeros(3)


def _without(name: str) -> Spoil:
    def spoil(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            del file[name]

    return spoil


BAD_FILES: dict[str, tuple[Spoil, str]] = {
    "missing": (gone, "there is no program"),
    "folder": (a_folder, "there is no program"),
    "empty": (empty, "not a readable program file"),
    "text": (text("spikes\n"), "not a readable program file"),
    "random": (random_bytes, "not a readable program file"),
    "half": (truncated, "not a readable program"),
    "end lost": (end_lost, "not a readable program file"),
    "a dataset": (_other_hdf5, "is an HDF5 file but no program"),
    "no header": (_without("header"), "not a readable program file"),
    "no arrays": (_without("arrays"), "not a readable program file"),
    "an array lost": (_without("arrays/encoder/weight"), "does not match its hash"),
    "a weight changed": (lambda path: _first_weight(path, 2), "does not match its hash"),
    "version": (
        _header(lambda header: header.update(version=99)),
        "program format 99 is not the 1 to 7 that",
    ),
    "no nodes": (_header(lambda header: header.pop("nodes")), "damaged program"),
    "unknown node": (
        _header(lambda header: header.update(nodes=[{"kind": "Izhikevich", "name": "x", "size": 1}])),
        "damaged program",
    ),
    "nodes as connections": (
        _header(lambda header: header.update(connections=[{"kind": "BiasLine", "name": "x"}])),
        "damaged program",
    ),
    "rule broken": (_header(lambda header: header.update(period=2)), "period=2 is shorter"),
    "not json": (_header(lambda header: header.clear()), "its header is damaged"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_one_sentence(tmp_path: Path, case: str) -> None:
    path = tmp_path / "program.dsf.h5"
    save_program(block_program(), path)
    spoil, sentence = BAD_FILES[case]
    spoil(path)
    with pytest.raises(UserError, match=sentence) as refused:
        load_program(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_program_that_breaks_a_rule_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="return_target is not finite"):
        save_program(Program(**{**vars(block_program()), "return_target": float("nan")}), tmp_path / "x.dsf.h5")
    assert not list(tmp_path.iterdir())
