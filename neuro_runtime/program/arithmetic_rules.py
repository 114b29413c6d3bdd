"""The rules of a program's arithmetic: what real numbers, and a chip's formats, hold."""

from __future__ import annotations

import numpy as np

from neuro_runtime.program.decay import current_loss, share_kept, steps_to_zero, voltage_loss
from neuro_runtime.program.headroom import largest_current, largest_unshifted_sum
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
from neuro_runtime.program.nodes import GradedRelu, Lif
from neuro_runtime.program.program import Program, SpikingProgram
from neuro_runtime.program.reachable import reachable
from neuro_runtime.program.requirements import Rule, require, require_integer, title_of


def _float_ranges(program: SpikingProgram) -> None:
    if program.arithmetic != "float":
        return
    for node in program.nodes:
        if isinstance(node, Lif):
            for name in ("current_decay", "voltage_decay"):
                value = getattr(node, name)
                require(0 <= value <= 1, f"{node.name} has {name}={value}, outside 0 … 1")
            require(node.threshold > 0, f"{node.name} has threshold {node.threshold}, not above 0")
        elif isinstance(node, GradedRelu):
            require(node.threshold >= 0, f"{node.name} has threshold {node.threshold}, below 0")
    for connection in program.connections:
        require(connection.exponent == 0, f"{title_of(connection)} has an exponent; float programs have none")


def _loihi_neurons(program: SpikingProgram) -> None:
    """Neurons that fire at a threshold of 0 would spike in every time step, whether anything arrives or not."""
    for node in _loihi_lifs(program):
        require_integer(node.current_decay, f"{node.name} current_decay", 0, LARGEST_DECAY)
        require_integer(node.voltage_decay, f"{node.name} voltage_decay", 0, LARGEST_DECAY)
        require_integer(node.threshold, f"{node.name} threshold", int(node.fires_at_threshold), LARGEST_THRESHOLD)


def _resets(program: SpikingProgram) -> None:
    """Neurons are reset in a time step of a decision, which a sample has none of."""
    for node in program.nodes:
        if isinstance(node, Lif) and node.reset_step is not None:
            require(program.holds_input, f"{node.name} is reset at a token's begin, and a sample has no tokens")
            require(not node.fires_at_threshold, f"{node.name} fires at its threshold; no model of Lava resets it too")
            require_integer(node.reset_step, f"{node.name} reset_step", 0, program.period - 1)


def _loihi_synapses(program: SpikingProgram) -> None:
    if program.arithmetic != "loihi":
        return
    for connection in program.connections:
        title = title_of(connection)
        require_integer(connection.exponent, f"{title} exponent", SMALLEST_EXPONENT, LARGEST_EXPONENT)
        if not connection.weighted:
            continue
        weight = np.asarray(connection.weight)
        require(weight.dtype.kind == "i", f"{title} has weights of type {weight.dtype}, not integers")
        for extreme in (int(weight.min(initial=0)), int(weight.max(initial=0))):
            require_integer(extreme, f"{title} weight", SMALLEST_WEIGHT, LARGEST_WEIGHT)
        require(not bool((weight & 1).any()), f"{title} has an odd weight; 8-bit weights of mixed sign are even")


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
        require(
            known.is_reset_for_input(node) or (name == "voltage" and known.begins_at_zero(node)),
            f"{node.name} needs more than its {idle} idle time steps for its {name} to decay to 0; "
            "a longer period or a faster decay would do",
        )


def _loihi_graded(program: SpikingProgram) -> None:
    """The sum that arrives at graded neurons fits their 24-bit states, so no number that they send has wrapped."""
    if program.arithmetic != "loihi":
        return
    for node in program.nodes:
        if isinstance(node, GradedRelu):
            require_integer(node.threshold, f"{node.name} threshold", 0, LARGEST_THRESHOLD)
            arriving = largest_current(program, node, token=INJECTION_LIMIT)
            require(
                arriving < STATE_LIMIT >> CURRENT_SHIFT,
                f"{node.name} can be given {arriving:g} weight units in a time step, more than 24 bits hold",
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
            require(
                total < LARGEST_WORD,
                f"{title_of(connection)} can add up {total:.3g} before its exponent of {connection.exponent} shifts "
                "it, beyond 32 bits; smaller weights or fewer synapses would do",
            )
    for node in program.neurons:
        kept = share_kept(current_loss(node.as_lif("loihi")))
        arriving = largest_current(program, node, token=INJECTION_LIMIT) * 2**CURRENT_SHIFT
        current = arriving / (1 - kept)
        require(
            current + STATE_LIMIT < LARGEST_WORD,
            f"{node.name} can be given so much current that u reaches {current:.3g}, beyond 32 bits; "
            "smaller exponents or fewer synapses would do",
        )


def _loihi_lifs(program: SpikingProgram) -> list[Lif]:
    return [node for node in program.nodes if isinstance(node, Lif)] if program.arithmetic == "loihi" else []


ARITHMETIC_RULES: tuple[Rule, ...] = (
    _float_ranges,
    _loihi_neurons,
    _resets,
    _loihi_synapses,
    _loihi_silence,
    _loihi_graded,
    _loihi_words,
)
