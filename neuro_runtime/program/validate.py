"""The rules a program must keep, one small function each; a broken one names what, its value and the limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, assert_never

import numpy as np

from dsf_common.errors import UserError
from neuro_runtime.program.decay import current_loss, share_kept, steps_to_zero, voltage_loss
from neuro_runtime.program.headroom import largest_current, largest_unshifted_sum
from neuro_runtime.program.kernel import MOST_SYNAPSES
from neuro_runtime.program.limits import (
    CURRENT_SHIFT,
    DECAY_ONE,
    INJECTION_LIMIT,
    LARGEST_DECAY,
    LARGEST_EXPONENT,
    LARGEST_THRESHOLD,
    LARGEST_WEIGHT,
    LARGEST_WORD,
    SMALLEST_EXPONENT,
    SMALLEST_WEIGHT,
    STATE_LIMIT,
)
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    Connection,
    Convolution,
    CurrentInput,
    Dense,
    GradedRelu,
    Injection,
    Lif,
    Node,
    Sparse,
)
from neuro_runtime.program.program import Program, SpikingProgram
from neuro_runtime.program.reachable import reachable
from neuro_runtime.program.sample import SampleProgram


def validate(program: SpikingProgram) -> None:
    """Check every rule.

    Raises
    ------
    UserError
        The first rule that is broken: the node or connection, its value and the limit.
    """
    for rule in _RULES:
        rule(program)


def _known_arithmetic(program: SpikingProgram) -> None:
    _require(program.arithmetic in ("float", "loihi"), f"arithmetic {program.arithmetic!r} is neither float nor loihi")


def _steps(program: SpikingProgram) -> None:
    _require(program.active_steps >= 1, f"active_steps={program.active_steps} is below 1")
    _require(
        program.period >= program.active_steps,
        f"period={program.period} is shorter than the {program.active_steps} active steps",
    )


def _unique_names(program: SpikingProgram) -> None:
    seen: set[str] = set()
    for node in program.nodes:
        _require(node.name not in seen, f"two nodes are called {node.name}")
        _require(node.size >= 1, f"{node.name} has size {node.size}, below 1")
        seen.add(node.name)


def _one_input_and_output(program: SpikingProgram) -> None:
    if not isinstance(program, Program):
        return
    for kind in (CurrentInput, Accumulator):
        count = sum(isinstance(node, kind) for node in program.nodes)
        _require(count == 1, f"a program has one {kind.__name__}, this one has {count}")


def _known_ends(program: SpikingProgram) -> None:
    names = {node.name for node in program.nodes}
    for connection in program.connections:
        for end in (connection.source, connection.target):
            _require(end in names, f"{_title(connection)} names {end}, which is no node")


def _fitting_ends(program: SpikingProgram) -> None:
    """Injections start at the token's current, synapses at spikes, graded ones at lists; all end at neurons."""
    for connection in program.connections:
        source, target = program.node(connection.source), program.node(connection.target)
        fits = (
            source.spikes and not (source.graded and isinstance(connection, Dense))
            if connection.weighted
            else source.graded and not source.on_chip
        )
        _require(fits, f"{_title(connection)} cannot start at a {type(source).__name__}")
        _require(target.has_state, f"{_title(connection)} cannot end at a {type(target).__name__}")


def _shapes(program: SpikingProgram) -> None:
    for connection in program.connections:
        source, target = program.node(connection.source), program.node(connection.target)
        match connection:
            case Injection():
                fits = source.size == target.size
            case Dense():
                fits = connection.weight.shape == (target.size, source.size)
            case Sparse():
                fits = _sparse_fits(connection, source, target)
            case Convolution():
                fits = _convolution_fits(connection, source, target)
            case _:
                assert_never(connection)
        _require(fits, f"{_title(connection)} does not fit {source.size} sources and {target.size} targets")


def _sparse_fits(connection: Sparse, source: Node, target: Node) -> bool:
    arrays = (connection.source_index, connection.target_index, connection.weight, connection.delay)
    if any(array.ndim != 1 or len(array) != len(connection.weight) for array in arrays):
        return False
    return _within(connection.source_index, 0, source.size - 1) and _within(connection.target_index, 0, target.size - 1)


def _convolution_fits(connection: Convolution, source: Node, target: Node) -> bool:
    whole = (*connection.shape, *connection.stride, *connection.padding, *connection.dilation, connection.groups)
    _require(all(isinstance(each, int) for each in whole), f"{_title(connection)} has a geometry that is not whole")
    try:
        ends = math.prod(connection.shape), math.prod(connection.output_shape)
    except UserError:
        return False
    _require(
        connection.most_synapses <= MOST_SYNAPSES,
        f"{_title(connection)} stands for {connection.most_synapses:,} synapses, more than {MOST_SYNAPSES:,}",
    )
    return ends == (source.size, target.size)


def _delays(program: SpikingProgram) -> None:
    for connection in program.connections:
        shortest = int(np.min(connection.delay, initial=0))
        _require(shortest >= 0, f"{_title(connection)} has delay {shortest}, below 0")
    for injection in program.injections:
        last = injection.delay + program.active_steps
        _require(
            last <= program.period, f"{_title(injection)} ends at time step {last} of a period of {program.period}"
        )


def _finite(program: SpikingProgram) -> None:
    for title, values in _all_numbers(program):
        _require(bool(np.isfinite(np.asarray(values, dtype=np.float64)).all()), f"{title} is not finite")


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
        _require(np.shape(array) == shape, f"{name} has shape {np.shape(array)}, not {shape}")
    _require(bool((encoder.state_std > 0).all()), "encoder.state_std is not positive")
    _require(encoder.input_clip > 0, "encoder.input_clip is not positive")
    for name in ("return_scale", "input_scale", "norm_epsilon"):
        _require(getattr(encoder, name) > 0, f"encoder.{name}={getattr(encoder, name)} is not positive")


def _sample_parts(program: SpikingProgram) -> None:
    """A sample's program: its host maps and outputs fit its nodes, and no current waits on the chip."""
    if not isinstance(program, SampleProgram):
        return
    encoder, names = program.encoder, {node.name for node in program.nodes}
    _require(encoder.kind in ("spikes", "values"), f"the input {encoder.kind!r} is neither spikes nor values")
    _require(all(length >= 1 for length in encoder.shape), f"the input's shape {encoder.shape} is not positive")
    if encoder.kind == "spikes":
        _require(
            program.input_size == encoder.features, f"the inputs take {program.input_size} spikes of {encoder.features}"
        )
    else:
        fed, mapped = [node.name for node in program.inputs], [each.node for each in encoder.maps]
        _require(fed == mapped, f"the inputs {fed} are not those of the host's maps, {mapped}")
    for each in encoder.maps:
        fits = len(each.bias) == program.node(each.node).size == len(each.largest) and each.scale > 0
        fits &= _within(each.source_index, 0, encoder.features - 1) and _within(
            each.target_index, 0, len(each.bias) - 1
        )
        fits &= len(each.weight) == len(each.source_index) == len(each.target_index) and each.delay >= 0
        _require(fits, f"the host's map into {each.node} does not fit its {program.node(each.node).size} neurons")
    _require(len(program.outputs) >= 1, "it has no output")
    places = np.concatenate([output.places for output in program.outputs])
    _require(
        sorted(places.tolist()) == list(range(math.prod(program.output_shape))),
        f"its outputs do not fill the shape {program.output_shape}",
    )
    for output in program.outputs:
        _require(output.node in names, f"the output {output.node} is no node")
        node = program.node(output.node)
        _require(len(output.places) == node.size, f"the output {output.node} reads not all of its {node.size} neurons")
        _require(
            node.has_state if output.quantity == "membrane" else node.spikes, f"{output.node} has no {output.quantity}"
        )
    for injection in program.injections:
        _require(injection.delay == 0, f"{_title(injection)} waits on the chip; the host delays what it brings")


def _fan_in(program: SpikingProgram) -> None:
    """Each AND gate has exactly ``fan_in`` synapses, all of the weight that its threshold is made for."""
    for node in program.nodes:
        if not isinstance(node, And):
            continue
        synapses = np.zeros(node.size, dtype=int)
        for connection in program.connections_into(node.name):
            _require(isinstance(connection, Sparse), f"{_title(connection)} must list its synapses, one a gate")
            assert isinstance(connection, Sparse)
            wanted = And.weight(program.arithmetic)
            _require(
                bool((connection.weight == wanted).all()) and connection.exponent == 0,
                f"{_title(connection)} into AND gates must have weight {wanted} and exponent 0",
            )
            synapses += np.bincount(connection.target_index, minlength=node.size)
        _require(node.fan_in >= 1, f"{node.name} has fan_in {node.fan_in}, below 1")
        wrong = np.flatnonzero(synapses != node.fan_in)
        if len(wrong):
            raise UserError(f"{node.name}[{wrong[0]}] has {synapses[wrong[0]]} synapses, its fan_in is {node.fan_in}")


def _and_thresholds(program: SpikingProgram) -> None:
    for node in program.nodes:
        if isinstance(node, And):
            wanted = And.threshold_of(node.fan_in, program.arithmetic)
            _require(
                node.threshold == wanted,
                f"{node.name} has threshold {node.threshold}; {node.fan_in} inputs need {wanted}",
            )
            _require(
                program.arithmetic != "loihi" or wanted <= LARGEST_THRESHOLD,
                f"{node.name} has {node.fan_in} inputs and threshold {wanted}, above {LARGEST_THRESHOLD}",
            )


def _graded_loops(program: SpikingProgram) -> None:
    """A graded spike that comes back to its neuron could grow without end."""
    graded = {node.name for node in program.nodes if isinstance(node, GradedRelu)}
    carried = {(item.source, item.target) for item in program.connections if {item.source, item.target} <= graded}
    while graded:
        first = {name for name in graded if not any(target == name and source in graded for source, target in carried)}
        _require(bool(first), f"the graded spikes of {', '.join(sorted(graded))} come back to them")
        graded -= first


def _float_ranges(program: SpikingProgram) -> None:
    if program.arithmetic != "float":
        return
    for node in program.nodes:
        if isinstance(node, Lif):
            for name in ("current_decay", "voltage_decay"):
                value = getattr(node, name)
                _require(0 <= value <= 1, f"{node.name} has {name}={value}, outside 0 … 1")
            _require(node.threshold > 0, f"{node.name} has threshold {node.threshold}, not above 0")
        elif isinstance(node, GradedRelu):
            _require(node.threshold >= 0, f"{node.name} has threshold {node.threshold}, below 0")
    for connection in program.connections:
        _require(connection.exponent == 0, f"{_title(connection)} has an exponent; float programs have none")


def _loihi_neurons(program: SpikingProgram) -> None:
    """Neurons that fire at a threshold of 0 would spike in every time step, whether anything arrives or not."""
    for node in _loihi_lifs(program):
        _require_integer(node.current_decay, f"{node.name} current_decay", 0, LARGEST_DECAY)
        _require_integer(node.voltage_decay, f"{node.name} voltage_decay", 0, LARGEST_DECAY)
        _require_integer(node.threshold, f"{node.name} threshold", int(node.fires_at_threshold), LARGEST_THRESHOLD)


def _resets(program: SpikingProgram) -> None:
    """Neurons are reset in a time step of a decision, which a sample has none of."""
    for node in program.nodes:
        if isinstance(node, Lif) and node.reset_step is not None:
            _require(program.holds_input, f"{node.name} is reset at a token's begin, and a sample has no tokens")
            _require(not node.fires_at_threshold, f"{node.name} fires at its threshold; no model of Lava resets it too")
            _require_integer(node.reset_step, f"{node.name} reset_step", 0, program.period - 1)


def _loihi_synapses(program: SpikingProgram) -> None:
    if program.arithmetic != "loihi":
        return
    for connection in program.connections:
        title = _title(connection)
        _require_integer(connection.exponent, f"{title} exponent", SMALLEST_EXPONENT, LARGEST_EXPONENT)
        if not connection.weighted:
            continue
        weight = np.asarray(connection.weight)
        _require(weight.dtype.kind == "i", f"{title} has weights of type {weight.dtype}, not integers")
        for extreme in (int(weight.min(initial=0)), int(weight.max(initial=0))):
            _require_integer(extreme, f"{title} weight", SMALLEST_WEIGHT, LARGEST_WEIGHT)
        _require(not bool((weight & 1).any()), f"{title} has an odd weight; 8-bit weights of mixed sign are even")


def _loihi_silence(program: SpikingProgram) -> None:
    """A neuron must be back at 0 when the next token comes: its idle steps outlast the decay of any state it can have.

    That of any state at all is quicker to see, and enough for most programs. A current that lasts one time step is
    gone in any case. A sample's program carries its state on, and is reset.
    """
    if not isinstance(program, Program):
        return
    idle = program.period - program.active_steps
    slow = [
        (node, name)
        for node in _loihi_lifs(program)
        for name, loss in (("voltage", voltage_loss(node)), ("current", current_loss(node)))
        if loss < DECAY_ONE and steps_to_zero(loss, at_most=idle + 1) > idle
    ]
    known = reachable(program) if slow else None
    for node, name in slow:
        assert known is not None
        _require(
            known.is_reset_for_input(node) or (name == "voltage" and known.begins_at_zero(node)),
            f"{node.name} needs more than its {idle} idle time steps for its {name} to decay to 0; "
            "a longer period or a faster decay would do",
        )


def _loihi_words(program: SpikingProgram) -> None:
    """Lava and loihi-fast compute in 32 bits, so everything must fit whatever arrives.

    A connection's sum must before it is shifted, and so must u and u + v, as u wraps at 24 bits only once.
    """
    if program.arithmetic != "loihi":
        return
    for connection in program.weighted_connections:
        if connection.exponent < 0:
            total = largest_unshifted_sum(program, connection)
            _require(
                total < LARGEST_WORD,
                f"{_title(connection)} can add up {total:.3g} before its exponent of {connection.exponent} shifts it, "
                "beyond 32 bits; smaller weights or fewer synapses would do",
            )
    for node in program.neurons:
        kept = share_kept(current_loss(node.as_lif("loihi")))
        arriving = largest_current(program, node, token=INJECTION_LIMIT) * 2**CURRENT_SHIFT
        current = arriving / (1 - kept)
        _require(
            current + STATE_LIMIT < LARGEST_WORD,
            f"{node.name} can be given so much current that u reaches {current:.3g}, beyond 32 bits; "
            "smaller exponents or fewer synapses would do",
        )


def _loihi_graded(program: SpikingProgram) -> None:
    """What arrives at graded neurons fits their 24-bit states, so no number that they send has wrapped."""
    if program.arithmetic != "loihi":
        return
    for node in program.nodes:
        if isinstance(node, GradedRelu):
            _require_integer(node.threshold, f"{node.name} threshold", 0, LARGEST_THRESHOLD)
            arriving = largest_current(program, node, token=INJECTION_LIMIT)
            _require(
                arriving < STATE_LIMIT >> CURRENT_SHIFT,
                f"{node.name} can be given {arriving:g} weight units in a time step, more than 24 bits hold",
            )


def _action_bounds(program: SpikingProgram) -> None:
    if not isinstance(program, Program):
        return
    bounds, actions = program.action_bounds, program.encoder.action_size
    if bounds:
        _require(len(bounds.low) == actions, f"it has bounds of {len(bounds.low)} actions, the readout gives {actions}")


_RULES: tuple[Callable[[SpikingProgram], None], ...] = (
    _known_arithmetic,
    _steps,
    _unique_names,
    _one_input_and_output,
    _known_ends,
    _fitting_ends,
    _shapes,
    _delays,
    _finite,
    _host_shapes,
    _action_bounds,
    _sample_parts,
    _fan_in,
    _and_thresholds,
    _graded_loops,
    _float_ranges,
    _loihi_neurons,
    _resets,
    _loihi_synapses,
    _loihi_silence,
    _loihi_graded,
    _loihi_words,
)


def _loihi_lifs(program: SpikingProgram) -> list[Lif]:
    return [node for node in program.nodes if isinstance(node, Lif)] if program.arithmetic == "loihi" else []


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
    numbers += [
        (f"{_title(connection)} weight", connection.weight) for connection in program.connections if connection.weighted
    ]
    return numbers


def _policy_numbers(program: Program) -> list[tuple[str, Any]]:
    numbers: list[tuple[str, Any]] = [("return_target", program.return_target)]
    numbers += [(f"encoder.{name}", value) for name, value in vars(program.encoder).items() if name != "input_clip"]
    numbers += [(f"readout.{name}", value) for name, value in vars(program.readout).items()]
    return numbers


def _title(connection: Connection | Convolution) -> str:
    return f"{type(connection).__name__} {connection.source} -> {connection.target}"


def _within(values: Any, low: int, high: int) -> bool:
    return bool(((values >= low) & (values <= high)).all())


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise UserError(sentence)


def _require_integer(value: float, title: str, low: int, high: int) -> None:
    _require(float(value).is_integer(), f"{title} is {value}, not an integer")
    _require(low <= value <= high, f"{title} is {int(value)}, outside {low} … {high}")
