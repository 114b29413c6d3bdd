"""The states of a loihi program's neurons: how fast they decay when nothing arrives, and where they fire."""

from __future__ import annotations

from functools import cache

from neuro_runtime.program.limits import CURRENT_DECAY_OFFSET, CURRENT_SHIFT, DECAY_ONE, LONGEST_DECAY, STATE_LIMIT
from neuro_runtime.program.nodes import Arithmetic, Lif, Neurons


def current_loss(lif: Lif) -> int:
    """The share of u that a loihi program's neurons lose in a time step, in 1/4096."""
    return int(lif.current_decay) + CURRENT_DECAY_OFFSET


def voltage_loss(lif: Lif) -> int:
    """The share of v that a loihi program's neurons lose in a time step, in 1/4096."""
    return int(lif.voltage_decay)


def effective_threshold(lif: Lif) -> int:
    """The largest v of a loihi program's neurons that does not fire."""
    return (int(lif.threshold) << CURRENT_SHIFT) - lif.fires_at_threshold


def share_kept(loss: int) -> float:
    """The share of a state that is left after a time step, 0 … 1."""
    return 1 - loss / DECAY_ONE


def keeps_current(node: Neurons, arithmetic: Arithmetic = "loihi") -> bool:
    """Whether a program's neurons carry current over into the next time step."""
    lif = node.as_lif(arithmetic)
    return lif.current_decay < 1 if arithmetic == "float" else share_kept(current_loss(lif)) > 0


@cache
def steps_to_zero(loss: int, at_most: int = LONGEST_DECAY) -> int:
    """Idle time steps in which a state at full scale decays to exactly 0, counted up to ``at_most``.

    ``state ← ⌊state·(4096 − loss) / 4096⌋`` from ``2^23 − 1`` on. A state that loses nothing never gets there.
    """
    state, steps = STATE_LIMIT - 1, 0
    while state and steps < at_most:
        state = state * (DECAY_ONE - loss) // DECAY_ONE
        steps += 1
    return steps
