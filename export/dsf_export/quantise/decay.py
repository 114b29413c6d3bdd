"""Loihi's 12-bit decays: what a beta becomes."""

from __future__ import annotations

from dsf_common.errors import UserError
from neuro_runtime.loihi_arithmetic import DECAY_ONE
from neuro_runtime.program.validate import LARGEST_DECAY


def decay_mantissa(decay: float, name: str) -> int:
    """The 12-bit mantissa nearest to ``decay``, the share of a membrane lost in a time step.

    Raises
    ------
    UserError
        It rounds to 0, so the membrane would never decay, or to 4096, which 12 bits do not hold.
    """
    mantissa = round(decay * DECAY_ONE)
    if not 1 <= mantissa <= LARGEST_DECAY:
        raise UserError(
            f"{name} loses {decay:g} of its membrane a time step, a decay of {mantissa} in Loihi's 12 bits "
            f"(limits 1 and {LARGEST_DECAY}); train with model.beta between 0.0002 and 0.9998."
        )
    return mantissa
