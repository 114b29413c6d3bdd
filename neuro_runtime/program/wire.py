"""A program as one JSON header and named arrays: what its file, the Lava worker's pipe and NIR's metadata carry."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.versions import if_newer
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    Connection,
    Convolution,
    CurrentInput,
    Dense,
    GradedRelu,
    Injection,
    Lif,
    Node,
    Sparse,
    SpikeInput,
)
from neuro_runtime.program.program import HostEncoder, HostReadout, Program, SpikingProgram
from neuro_runtime.program.sample import HostMap, SampleEncoder, SampleOutput, SampleProgram

# A file has the version of the first release that knows all that is in it, so that an earlier one names the release to
# take. Each version knows, besides what the ones before do:
WITH_BOUNDS = 2  # bounds of actions, and a clip of inputs
WITH_CHOICES = 3  # actions that are choices
WITH_SAMPLES = 4  # networks that are given samples, and neurons that fire at their threshold
WITH_GRADED_SPIKES = 5
WITH_RESETS = 6  # neurons that are reset at a token's begin
WITH_CONVOLUTIONS = 7
OLDEST, VERSION = 1, WITH_CONVOLUTIONS
# Fields that a file leaves out where they are at their default, so that files of earlier releases keep their hash.
_LEFT_OUT_BY_DEFAULT = ("input_clip", "fires_at_threshold", "reset_step")
Arrays = dict[str, NDArray[Any]]

# Fields whose name in a file is another, so that every program file keeps its content hash.
_STORED_NAMES = {"inverse_scale": "unit"}
_FIELD_NAMES = {stored: name for name, stored in _STORED_NAMES.items()}

_Packed = Node | Connection | Convolution
_KINDS = {
    kind.__name__: kind
    for kind in (
        *(CurrentInput, SpikeInput, BiasLine, Lif, And, GradedRelu, Accumulator),
        *(Injection, Dense, Sparse, Convolution),
    )
}


def program_to_wire(program: SpikingProgram) -> tuple[str, Arrays]:
    """The header (JSON) and the arrays of ``program``; arrays are named ``connections/<n>/<field>`` and so on."""
    arrays: Arrays = {}
    header: dict[str, Any] = {
        "version": _least_version(program),
        "arithmetic": program.arithmetic,
        "active_steps": program.active_steps,
        "period": program.period,
        "nodes": [_pack(node, f"nodes/{n}", arrays) for n, node in enumerate(program.nodes)],
        "connections": [_pack(item, f"connections/{n}", arrays) for n, item in enumerate(program.connections)],
    }
    match program:
        case Program():
            header |= _policy_parts(program, arrays)
        case SampleProgram():
            header["sample"] = _sample_parts(program, arrays)
        case _:
            raise TypeError(f"a {type(program).__name__} has no file")
    return json.dumps(header, sort_keys=True), arrays


def _policy_parts(program: Program, arrays: Arrays) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "environment": program.environment,
        "return_target": program.return_target,
        "provenance": dict(program.provenance),
        "encoder": _pack(program.encoder, "encoder", arrays),
        "readout": _pack(program.readout, "readout", arrays),
    }
    if program.action_bounds:
        parts["action_bounds"] = program.action_bounds.plain()
    return parts


def _sample_parts(program: SampleProgram, arrays: Arrays) -> dict[str, Any]:
    encoder = program.encoder
    return {
        "name": program.name,
        "provenance": dict(program.provenance),
        "input": {"kind": encoder.kind, "shape": list(encoder.shape)},
        "maps": [_pack(each, f"maps/{n}", arrays) for n, each in enumerate(encoder.maps)],
        "outputs": [_pack(output, f"outputs/{n}", arrays) for n, output in enumerate(program.outputs)],
        "output_shape": list(program.output_shape),
    }


def _least_version(program: SpikingProgram) -> int:
    """The first that knows all that the program has."""
    lifs = [node for node in program.nodes if isinstance(node, Lif)]
    if any(isinstance(item, Convolution) for item in program.connections):
        return WITH_CONVOLUTIONS
    if any(node.reset_step is not None for node in lifs):
        return WITH_RESETS
    if any(isinstance(node, GradedRelu) for node in program.nodes):
        return WITH_GRADED_SPIKES
    if not isinstance(program, Program) or any(node.fires_at_threshold for node in lifs):
        return WITH_SAMPLES
    if program.action_bounds is not None and program.action_bounds.first_choice is not None:
        return WITH_CHOICES
    bounded = program.action_bounds is not None or program.encoder.input_clip < math.inf
    return WITH_BOUNDS if bounded else OLDEST


def program_from_wire(header: str, arrays: Mapping[str, NDArray[Any]]) -> Program:
    """The policy's program of a header and its arrays, not yet validated.

    Raises
    ------
    UserError
        As for :func:`spiking_program_from_wire`, or it is no policy.
    """
    program = spiking_program_from_wire(header, arrays)
    if not isinstance(program, Program):
        raise UserError("a network that is given samples, where a policy is wanted")
    return program


def spiking_program_from_wire(header: str, arrays: Mapping[str, NDArray[Any]]) -> SpikingProgram:
    """The program of a header and its arrays, not yet validated.

    Raises
    ------
    UserError
        The header is not one of a program, is of another version, or an array is missing.
    """
    try:
        content = json.loads(header)
        version = content["version"]
    except (json.JSONDecodeError, KeyError, TypeError) as problem:
        raise UserError("not a program: its header is damaged; export it again") from problem
    if version not in range(OLDEST, VERSION + 1):
        raise UserError(
            f"program format {version} is not the {OLDEST} to {VERSION} that this release reads"
            f"{if_newer(version, VERSION)}; export it again"
        )
    try:
        return _assemble(content, arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise UserError(f"damaged program: {type(problem).__name__} at {problem}; export it again") from problem


def _assemble(content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SpikingProgram:
    nodes = [_unpack(item, f"nodes/{n}", arrays) for n, item in enumerate(content["nodes"])]
    connections = [_unpack(item, f"connections/{n}", arrays) for n, item in enumerate(content["connections"])]
    kinds = Connection | Convolution if "sample" in content else Connection  # a policy has no convolutions
    graph: dict[str, Any] = {
        "arithmetic": content["arithmetic"],
        "active_steps": int(content["active_steps"]),
        "period": int(content["period"]),
        "nodes": tuple(_expect(node, Node) for node in nodes),
        "connections": tuple(_expect(item, kinds) for item in connections),
    }
    if "sample" in content:
        return _sample_program(graph, content["sample"], arrays)
    return Program(
        **graph,
        encoder=HostEncoder(**_values(content["encoder"], "encoder", arrays)),
        readout=HostReadout(**_values(content["readout"], "readout", arrays)),
        environment=str(content["environment"]),
        return_target=float(content["return_target"]),
        provenance={str(key): str(value) for key, value in content["provenance"].items()},
        action_bounds=ActionBounds.of(**content["action_bounds"]) if "action_bounds" in content else None,
    )


def _sample_program(
    graph: dict[str, Any], parts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> SampleProgram:
    maps = [HostMap(**_values(item, f"maps/{n}", arrays)) for n, item in enumerate(parts["maps"])]
    given = parts["input"]
    return SampleProgram(
        **graph,
        encoder=SampleEncoder(given["kind"], tuple(map(int, given["shape"])), tuple(maps)),
        outputs=tuple(SampleOutput(**_values(item, f"outputs/{n}", arrays)) for n, item in enumerate(parts["outputs"])),
        output_shape=tuple(map(int, parts["output_shape"])),
        name=str(parts["name"]),
        provenance={str(key): str(value) for key, value in parts["provenance"].items()},
    )


def _pack(item: Any, prefix: str, arrays: Arrays) -> dict[str, Any]:
    """An item's plain fields; its arrays go into ``arrays`` and leave an empty place."""
    packed: dict[str, Any] = {"kind": type(item).__name__}
    for field in fields(item):
        value, stored = getattr(item, field.name), _STORED_NAMES.get(field.name, field.name)
        if field.name in _LEFT_OUT_BY_DEFAULT and value == field.default:
            continue
        if isinstance(value, np.ndarray):
            arrays[f"{prefix}/{stored}"] = value
            packed[stored] = None
        else:
            packed[stored] = value.item() if isinstance(value, np.generic) else value
    return packed


def _values(packed: Mapping[str, Any], prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    return {
        _FIELD_NAMES.get(stored, stored): _value(value, f"{prefix}/{stored}", arrays)
        for stored, value in packed.items()
        if stored != "kind"
    }


def _value(value: Any, name: str, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if value is None:
        return np.asarray(arrays[name])
    return tuple(value) if isinstance(value, list) else value  # JSON has lists for tuples


def _unpack(packed: Mapping[str, Any], prefix: str, arrays: Mapping[str, NDArray[Any]]) -> _Packed:
    item: _Packed = _KINDS[packed["kind"]](**_values(packed, prefix, arrays))
    return item


def _expect(item: Any, kinds: Any) -> Any:
    if not isinstance(item, kinds):
        raise ValueError(f"{type(item).__name__} in the wrong place")
    return item
