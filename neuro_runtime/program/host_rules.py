"""The rules of the host's two ends of a program, and of all its numbers: they are finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neuro_runtime.program.program import Program, SpikingProgram
from neuro_runtime.program.requirements import Rule, require, title_of, within
from neuro_runtime.program.sample import SampleProgram


def _finite(program: SpikingProgram) -> None:
    for title, values in _all_numbers(program):
        require(bool(np.isfinite(np.asarray(values, dtype=np.float64)).all()), f"{title} is not finite")


def _host_shapes(program: SpikingProgram) -> None:
    if not isinstance(program, Program):
        return
    encoder, readout = program.encoder, program.readout
    size, actions = program.current_input.size, program.accumulator.size
    observations = encoder.state_mean.shape[0] if encoder.state_mean.ndim == 1 else -1
    expected = {
        "encoder.weight": (encoder.weight, (size, observations + actions + 1)),
        "encoder.bias": (encoder.bias, (size,)),
        "encoder.norm_weight": (encoder.norm_weight, (size,)),
        "encoder.norm_bias": (encoder.norm_bias, (size,)),
        "encoder.state_std": (encoder.state_std, (observations,)),
        "readout.inverse_scale": (readout.inverse_scale, (actions,)),
        "readout.weight": (readout.weight, (actions, size)),
        "readout.bias": (readout.bias, (actions,)),
    }
    for name, (array, shape) in expected.items():
        require(np.shape(array) == shape, f"{name} has shape {np.shape(array)}, not {shape}")
    require(bool((encoder.state_std > 0).all()), "encoder.state_std is not positive")
    require(encoder.input_clip > 0, "encoder.input_clip is not positive")
    for name in ("return_scale", "input_scale", "norm_epsilon"):
        require(getattr(encoder, name) > 0, f"encoder.{name}={getattr(encoder, name)} is not positive")


def _action_bounds(program: SpikingProgram) -> None:
    if not isinstance(program, Program):
        return
    bounds, actions = program.action_bounds, program.encoder.action_size
    if bounds:
        require(len(bounds.low) == actions, f"it has bounds of {len(bounds.low)} actions, the readout gives {actions}")


def _sample_inputs(program: SpikingProgram) -> None:
    """A sample's numbers are those of the inputs, or of the host's maps into them; no current waits on the chip."""
    if not isinstance(program, SampleProgram):
        return
    encoder = program.encoder
    require(encoder.kind in ("spikes", "values"), f"the input {encoder.kind!r} is neither spikes nor values")
    require(all(length >= 1 for length in encoder.shape), f"the input's shape {encoder.shape} is not positive")
    if encoder.kind == "spikes":
        fits = program.input_size == encoder.features
        require(fits, f"the inputs take {program.input_size} spikes of {encoder.features}")
    else:
        fed, mapped = [node.name for node in program.inputs], [host_map.node for host_map in encoder.maps]
        require(fed == mapped, f"the inputs {fed} are not those of the host's maps, {mapped}")
    for injection in program.injections:
        require(injection.delay == 0, f"{title_of(injection)} waits on the chip; the host delays what it brings")


def _host_maps(program: SpikingProgram) -> None:
    if not isinstance(program, SampleProgram):
        return
    for host_map in program.encoder.maps:
        targets, entries = len(host_map.bias), len(host_map.weight)
        size = program.node(host_map.node).size
        fits = targets == size == len(host_map.largest) and host_map.scale > 0 and host_map.delay >= 0
        fits &= entries == len(host_map.source_index) == len(host_map.target_index)
        fits &= within(host_map.source_index, 0, program.encoder.features - 1)
        fits &= within(host_map.target_index, 0, targets - 1)
        require(fits, f"the host's map into {host_map.node} does not fit its {size} neurons")


def _sample_outputs(program: SpikingProgram) -> None:
    """A sample's outputs are whole nodes, and fill its output's shape."""
    if not isinstance(program, SampleProgram):
        return
    require(len(program.outputs) >= 1, "it has no output")
    places = np.concatenate([output.places for output in program.outputs])
    filled = sorted(places.tolist()) == list(range(math.prod(program.output_shape)))
    require(filled, f"its outputs do not fill the shape {program.output_shape}")
    names = {node.name for node in program.nodes}
    for output in program.outputs:
        require(output.node in names, f"the output {output.node} is no node")
        node = program.node(output.node)
        require(len(output.places) == node.size, f"the output {output.node} reads not all of its {node.size} neurons")
        is_there = node.has_state if output.quantity == "membrane" else node.spikes
        require(is_there, f"{output.node} has no {output.quantity}")


def _all_numbers(program: SpikingProgram) -> list[tuple[str, Any]]:
    numbers: list[tuple[str, Any]] = []
    if isinstance(program, SampleProgram):
        numbers += [
            (f"host map into {each.node}", values)
            for each in program.encoder.maps
            for values in (each.weight, each.bias, each.scale)
        ]
    if isinstance(program, Program):
        numbers += _policy_numbers(program)
    synapses = (item for item in program.connections if item.weighted)
    numbers += [(f"{title_of(item)} weight", item.weight) for item in synapses]
    return numbers


def _policy_numbers(program: Program) -> list[tuple[str, Any]]:
    numbers: list[tuple[str, Any]] = [("return_target", program.return_target)]
    numbers += [(f"encoder.{name}", value) for name, value in vars(program.encoder).items() if name != "input_clip"]
    numbers += [(f"readout.{name}", value) for name, value in vars(program.readout).items()]
    return numbers


HOST_RULES: tuple[Rule, ...] = (
    _finite,
    _host_shapes,
    _action_bounds,
    _sample_inputs,
    _host_maps,
    _sample_outputs,
)
