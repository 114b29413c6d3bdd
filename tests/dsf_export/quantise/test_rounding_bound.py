"""A program with one thing wrong never gets through: not past the gate on the quantiser, nor past its own hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np
import pytest

from dsf_common.errors import GateFailed, UserError
from dsf_export.quantise.rounding_bound import require_rounding_bound
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program import Program, validate
from neuro_runtime.program.nodes import And, Connection, Dense, Injection, Lif, Node, Sparse
from neuro_runtime.program.storage import load_program, save_program
from neuro_runtime.program.weight_format import DEFAULT_FORMAT, WeightFormat
from support.small_policies import delay_policy, lowered, pssa_policy, quantised, scales

POLICIES: dict[str, Callable[[], PolicyModel]] = {"pssa": pssa_policy, "delay": delay_policy}
Mutant = tuple[str, Program]
T = TypeVar("T")


def mutants(program: Program) -> Iterator[Mutant]:
    """Every node and connection with each of its parameters wrong, a weight in several ways, and the host's parts."""
    yield "a shorter period", replace(program, period=program.period - 1)
    yield "a longer period", replace(program, period=program.period + 1)
    yield "an active step less", replace(program, active_steps=program.active_steps - 1)
    yield "a layer lost", replace(program, nodes=program.nodes[:-2] + program.nodes[-1:])
    yield from _wrong_hosts(program)
    for n, node in enumerate(program.nodes):
        for what, wrong in _wrong_nodes(node):
            yield f"{node.name}: {what}", replace(program, nodes=_with(program.nodes, n, wrong))
    for n, connection in enumerate(program.connections):
        title = f"{type(connection).__name__} {connection.source} -> {connection.target}"
        rest = program.connections[:n] + program.connections[n + 1 :]
        yield f"{title} lost", replace(program, connections=rest)
        for what, mutant in _wrong_connections(connection):
            yield f"{title}: {what}", replace(program, connections=_with(program.connections, n, mutant))


def _wrong_hosts(program: Program) -> Iterator[Mutant]:
    encoder, readout = program.encoder, program.readout
    yield "input scale doubled", replace(program, encoder=replace(encoder, input_scale=2 * encoder.input_scale))
    yield (
        "readout inverse scale halved",
        replace(program, readout=replace(readout, inverse_scale=readout.inverse_scale / 2)),
    )
    for name in ("weight", "bias", "norm_weight", "norm_bias", "state_mean", "state_std"):
        wrong = getattr(encoder, name).copy()
        wrong.flat[0] += 0.01
        yield f"encoder.{name}", replace(program, encoder=replace(encoder, **{name: wrong}))
    for name in ("weight", "bias"):
        wrong = getattr(readout, name).copy()
        wrong.flat[0] *= -1
        wrong.flat[0] += 0.01
        yield f"readout.{name}", replace(program, readout=replace(readout, **{name: wrong}))


def _wrong_nodes(node: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(node, Lif):
        for name in ("threshold", "voltage_decay", "current_decay"):
            for by in (-1, 1):
                yield f"{name} {by:+}", replace(node, **{name: getattr(node, name) + by})
    if isinstance(node, And):
        yield "one input fewer", replace(node, fan_in=node.fan_in - 1)
        yield "threshold of one input", replace(node, threshold=node.threshold - 64)


def _wrong_connections(connection: Connection) -> Iterator[tuple[str, Connection]]:
    for by in (-1, 1):
        yield f"exponent {by:+}", replace(connection, exponent=connection.exponent + by)
        yield f"delay {by:+}", _later(connection, by)
    if isinstance(connection, Injection):
        return
    largest = np.unravel_index(np.abs(connection.weight).argmax(), connection.weight.shape)
    value = int(connection.weight[largest])
    for what, wrong in (
        ("lowest bit of a weight", value - 2 if value > 0 else value + 2),
        ("highest bit of a weight", value - 128 if value > 0 else value + 128),
        ("sign of a weight", min(-value, 254)),
        ("a weight lost", 0),
    ):
        weight = connection.weight.copy()
        weight[largest] = wrong
        yield what, replace(connection, weight=weight)
    if isinstance(connection, Dense) and connection.weight.shape[1] > 1:
        yield "sources shifted by one", replace(connection, weight=np.roll(connection.weight, 1, axis=1))
    if isinstance(connection, Sparse) and len(connection.weight) > 1:
        yield "targets reversed", replace(connection, target_index=connection.target_index[::-1].copy())


def _later(connection: Connection, by: int) -> Connection:
    if isinstance(connection, Sparse):
        return replace(connection, delay=connection.delay + np.int32(by))
    return replace(connection, delay=connection.delay + by)


def _with(items: tuple[T, ...], n: int, item: T) -> tuple[T, ...]:
    return (*items[:n], item, *items[n + 1 :])


@pytest.mark.parametrize("name", POLICIES)
def test_no_mutant_is_the_float_program(name: str) -> None:
    policy = POLICIES[name]()
    program, float_program, chosen = quantised(policy), lowered(policy)[1], scales(policy)
    escaped = []
    count = 0
    for what, mutant in mutants(program):
        count += 1
        try:
            validate(mutant)
            require_rounding_bound(float_program, mutant, chosen, DEFAULT_FORMAT)
        except (GateFailed, UserError):
            continue
        escaped.append(what)
    assert not escaped
    assert count > 300


@pytest.mark.parametrize("weight_format", [WeightFormat(), WeightFormat(5), WeightFormat(3, 1), WeightFormat(2, 8)])
@pytest.mark.parametrize("name", POLICIES)
def test_what_the_quantiser_makes_is_the_float_program(name: str, weight_format: WeightFormat) -> None:
    policy = POLICIES[name]()
    require_rounding_bound(
        lowered(policy)[1], quantised(policy, weight_format), scales(policy, weight_format), weight_format
    )


def test_the_gate_names_the_synapse() -> None:
    policy = pssa_policy()
    program = quantised(policy)
    n = next(n for n, item in enumerate(program.connections) if isinstance(item, Dense))
    connection = program.connections[n]
    assert isinstance(connection, Dense)
    wrong = replace(connection, weight=np.roll(connection.weight, 1))
    mutant = replace(program, connections=_with(program.connections, n, wrong))
    with pytest.raises(GateFailed, match=rf"{connection.source} -> {connection.target}, delay 0: the weight from"):
        require_rounding_bound(lowered(policy)[1], mutant, scales(policy), DEFAULT_FORMAT)


def test_a_mutated_file_does_not_match_its_hash(tmp_path: Path) -> None:
    """Each array of the file in turn, its first number changed."""
    path = tmp_path / "program.dsf.h5"
    save_program(quantised(pssa_policy()), path)
    names: list[str] = []
    with h5py.File(path, "r") as file:
        file["arrays"].visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    original = path.read_bytes()
    assert len(names) > 50
    for name in names:
        path.write_bytes(original)
        with h5py.File(path, "r+") as file:
            values = file[f"arrays/{name}"][()]
            values.flat[0] += 1
            file[f"arrays/{name}"][...] = values
        with pytest.raises(UserError, match="does not match its hash"):
            load_program(path)
