"""The NIR target: a program as a graph of NIR's standard nodes, and back.

The graph means the same network to a reader that knows nothing of this project:

- ``input``: the token's current in thresholds and, as its last channel, the bias line (1): held for the first T of
  every P steps of ``TIME_STEP``, zero in the rest;
- LIF neurons and AND gates are ``LIF`` nodes with threshold 1 and ``v[t] = β v[t−1] + I[t]``: ``τ = dt/(1 − β)``,
  ``R = τ/dt``;
- a connection is a ``Linear``, its weights in thresholds of the target, and a ``Delay`` where it reaches into the past;
- the accumulator is a ``Linear`` that passes on its current to ``output``: the host sums it over the P steps of a
  decision, and its tanh, with the token's own share added, is the action.

NIR's connections take no time, so a layer works on the token at once, not some hops later, and the delays that only
equalise path lengths are not in the graph. Facts that NIR cannot say stand in the graph's metadata, under the key
``decision_spikeformer``: the program's header (JSON: node kinds, Loihi's decays, thresholds, exponents and delays,
provenance) and its arrays (synapse lists, the host's weights). Synaptic weights are in the graph alone. ``protocol``
says in JSON how the policy is to be run: bounds of its actions, clip of its inputs, scale and delay of its reward.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, assert_never

import nir
import numpy as np

from dsf_common.errors import UserError
from dsf_common.files import require_readable
from dsf_common.hdf5 import atomic_image
from dsf_common.json_text import json_text
from dsf_export.namespace import NAMESPACE
from dsf_export.targets.nir_synapses import all_synapses, nir_name
from neuro_runtime.program import Program, program_from_wire, program_hash, program_to_wire, validate
from neuro_runtime.program.limits import DECAY_ONE
from neuro_runtime.program.nodes import Accumulator, And, GradedRelu, Injection, Lif, Neurons
from neuro_runtime.program.provenance import protocol_of
from neuro_runtime.program.storage import content_hash
from neuro_runtime.program.wire import Arrays

READER = "for"  # the key of the framework that alone is to read the file
TIME_STEP = 1e-4  # seconds; what readers that are not told assume, snnTorch among them
OUTPUT = "output"
TOLERANCE = 1e-6  # relative; a tool that keeps single precision changes nothing


def write(program: Program, path: Path) -> None:
    """Write a loihi program as a NIR file, atomically.

    Raises
    ------
    UserError
        The program is not in loihi arithmetic.
    """
    if program.arithmetic != "loihi":
        raise UserError(
            f"NIR files hold programs in loihi arithmetic, this one is in {program.arithmetic}: export a model.pt"
        )
    with atomic_image(path) as image:
        nir.write(image, to_graph(program))


def read(path: Path) -> Program:
    """The program in a NIR file that :func:`write` made.

    Raises
    ------
    UserError
        The file is missing, damaged or not NIR, is another tool's graph, or its nodes do not fit the metadata.
    """
    require_readable(path, f"there is no NIR file {path}; make one with `dsf-export model.pt --target nir`")
    try:
        graph = nir.read(path)
    except Exception as problem:  # nir and h5py raise anything, bare assertions too, on a file they cannot read
        raise UserError(f"{path} is not a readable NIR file (damaged, cut short or of another kind)") from problem
    try:
        program = from_graph(graph)
        _require_intact(graph, program)
    except UserError as problem:
        raise UserError(f"{path}: {problem}") from problem
    return program


def _require_intact(graph: nir.NIRGraph, program: Program) -> None:
    """Compare the program with the hash that the file carries; a file of an earlier release has none."""
    stored = graph.metadata[NAMESPACE].get("sha256")
    if stored is not None and stored != program_hash(program):
        raise UserError("its content does not match its hash, so it is damaged or was changed; export it again")


def to_graph(program: Program) -> nir.NIRGraph:
    """The NIR graph of a loihi program."""
    nodes: dict[str, nir.NIRNode] = {
        "input": nir.Input(np.array([program.current_input.size + 1])),
        OUTPUT: nir.Output(np.array([program.accumulator.size])),
    }
    nodes |= {nir_name(node): _neurons(node) for node in program.neurons}
    edges = [(nir_name(program.accumulator), OUTPUT)]
    for synapses in all_synapses(program):
        ends = nir_name(program.node(synapses.connection.source)), nir_name(program.node(synapses.connection.target))
        for part in synapses.parts():
            chain = {part.name: nir.Linear(part.weight)}
            if part.delay.any():
                chain[f"{part.name}_delay"] = nir.Delay(part.delay * TIME_STEP)
            nodes |= chain
            path = [ends[0], *chain, ends[1]]
            edges += list(pairwise(path))
    return nir.NIRGraph(nodes, edges, metadata={NAMESPACE: _metadata(program)})


def from_graph(graph: nir.NIRGraph) -> Program:
    """The program of a graph that :func:`to_graph` made.

    Raises
    ------
    UserError
        The metadata is missing or damaged, the graph is a copy for one reader, or a node or edge is not what the
        metadata says.
    """
    metadata = getattr(graph, "metadata", {}).get(NAMESPACE)
    if isinstance(metadata, dict) and isinstance(metadata.get(READER), str):
        raise UserError(
            f"it is a copy for {metadata[READER]}, which dsf-export does not read back: pass the model.pt or the "
            "program that it was written from"
        )
    if not isinstance(metadata, dict) or not isinstance(metadata.get("header"), str):
        raise UserError(
            f"dsf-export did not write this NIR graph (it has no {NAMESPACE} metadata); pass one that it did"
        )
    header, arrays = metadata["header"], dict(_flatten(metadata.get("arrays", {})))
    try:
        arrays |= _weights(graph, header, arrays)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as problem:
        raise UserError("the graph and its metadata do not fit; export it again") from problem
    program = program_from_wire(header, arrays)
    validate(program)
    if metadata.get("protocol", _protocol(program)) != _protocol(program):
        raise UserError("its protocol is not that of its header, so it is damaged or was changed; export it again")
    _check_unchanged(graph, to_graph(program))
    return program


def graded_refused(node: GradedRelu) -> UserError:
    """The refusal of a node whose spikes carry numbers."""
    return UserError(f"{node.name} sends graded spikes, for which NIR has no node: export with --chip portable")


def _neurons(node: Neurons) -> nir.NIRNode:
    match node:
        case Accumulator():
            return nir.Linear(np.eye(node.size))
        case Lif():
            decay = node.voltage_decay / DECAY_ONE
        case And():
            decay = 1.0
        case GradedRelu():
            raise graded_refused(node)
        case _:
            assert_never(node)
    one = np.ones(node.size)
    return nir.LIF(tau=one * TIME_STEP / decay, r=one / decay, v_leak=0 * one, v_threshold=one)


def _metadata(program: Program) -> dict[str, Any]:
    """The program on the wire but for its weights, arrays nested by the parts of their names as HDF5 has them."""
    header, arrays = program_to_wire(program)
    nested: dict[str, Any] = {}
    for name, array in arrays.items():
        *groups, last = name.split("/")
        if groups[0] == "connections" and last == "weight":
            continue
        place = nested
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = array
    return {
        "header": header,
        "time_step_seconds": TIME_STEP,
        "protocol": _protocol(program),
        "arrays": nested,
        "sha256": content_hash(header, arrays),
    }


def _protocol(program: Program) -> str:
    """How the policy is to be run, in words of JSON for a reader that does not know the header."""
    return json_text(protocol_of(program).document())


def _flatten(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", np.asarray(value)


def _weights(graph: nir.NIRGraph, header: str, arrays: Arrays) -> Arrays:
    """The synaptic weights of the program that ``header`` and ``arrays`` describe, from the graph's Linear nodes."""
    found = {name: node.weight for name, node in graph.nodes.items() if isinstance(node, nir.Linear)}
    nothing = np.zeros(0, dtype=np.int64)
    blank = program_from_wire(header, arrays | {f"connections/{n}/weight": nothing for n in range(len(found))})
    return {
        f"connections/{n}/weight": synapses.mantissas(found)
        for n, synapses in enumerate(all_synapses(blank))
        if not isinstance(synapses.connection, Injection)
    }


def _check_unchanged(graph: nir.NIRGraph, expected: nir.NIRGraph) -> None:
    """Nothing that the metadata decides may differ in the graph, where it would be passed over."""
    if set(graph.nodes) != set(expected.nodes) or set(graph.edges) != set(expected.edges):
        raise UserError("nodes or edges were added or removed since dsf-export wrote it; export it again")
    for name, node in expected.nodes.items():
        if not _same(graph.nodes[name], node):
            raise UserError(f"node {name} was changed to what its Loihi parameters do not say; export it again")


def _same(node: nir.NIRNode, expected: nir.NIRNode) -> bool:
    """Whether two nodes are of one kind and their numbers are the same to single precision."""
    numbers = {name: value for name, value in vars(expected).items() if isinstance(value, np.ndarray)}
    return type(node) is type(expected) and all(
        np.shape(getattr(node, name)) == value.shape and np.allclose(getattr(node, name), value, rtol=TOLERANCE, atol=0)
        for name, value in numbers.items()
    )
