"""One node or connection of a float program in Loihi's integers, given the scales of its currents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsf_common.errors import UserError
from dsf_export.quantise.exact_groups import exact_connections, exact_scale
from dsf_export.quantise.weight_rounding import Integers, RoundedWeight, round_bias, round_weight
from neuro_runtime.program.limits import DECAY_ONE, LARGEST_DECAY
from neuro_runtime.program.nodes import And, BiasLine, Connection, Dense, Injection, Lif, Sparse
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_format import WeightFormat


def integer_lif(node: Lif, scale: int) -> Lif:
    """LIF neurons that count ``scale`` for 1.0 of their current.

    A current that is gone after one step decays by 4095, since Loihi adds 1; no DSFormer has another.
    """
    return replace(
        node,
        current_decay=round(node.current_decay * DECAY_ONE) - 1,
        voltage_decay=decay_mantissa(node.voltage_decay, node.name),
        threshold=round(node.threshold * scale),
    )


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


def integer_connections(
    program: Program, connection: Connection, scale: int, injected: int, weight_format: WeightFormat
) -> list[Connection]:
    """The connections that stand for ``connection``, whose target counts ``scale`` for 1.0 of its current.

    Parameters
    ----------
    injected
        Integers for 1.0 of the token's current as the host sends it, ``scale`` times a power of two.

    Notes
    -----
    Weights of AND gates and of groups that count learn nothing: they are 64, and whole numbers, in every format.
    """
    if isinstance(connection, Injection):
        return [replace(connection, exponent=_power_of_two(scale, injected))]
    if isinstance(program.node(connection.target), And):
        return [replace(connection, weight=np.full(connection.weight.shape, And.weight("loihi"), dtype=np.int32))]
    if exact_scale(program, program.node(connection.target)) is not None:
        return list(exact_connections(connection, scale))
    if isinstance(program.node(connection.source), BiasLine):
        parts = round_bias(connection.weight, scale, weight_format)
        return [_with(connection, part.mantissa, int(part.exponent.flat[0])) for part in parts]
    return _by_exponent(connection, round_weight(connection.weight, scale, weight_format))


def _power_of_two(scale: int, injected: int) -> int:
    return (scale // injected).bit_length() - 1 if scale >= injected else 1 - (injected // scale).bit_length()


def _by_exponent(connection: Dense | Sparse, rounded: RoundedWeight) -> list[Connection]:
    """One connection for each exponent, the largest first; the weights of the others are 0 in it."""
    made: list[Connection] = []
    for exponent in range(int(rounded.exponent.max()), int(rounded.exponent.min()) - 1, -1):
        mantissa = np.where(rounded.exponent == exponent, rounded.mantissa, 0)
        if mantissa.any():
            made.append(_with(connection, mantissa, exponent))
    return made or [_with(connection, rounded.mantissa, 0)]


def _with(connection: Dense | Sparse, mantissa: Integers, exponent: int) -> Dense | Sparse:
    if isinstance(connection, Dense):
        return replace(connection, weight=mantissa, exponent=exponent)
    listed = mantissa != 0
    if not listed.any():
        return replace(connection, weight=mantissa, exponent=exponent)
    return replace(
        connection,
        source_index=connection.source_index[listed],
        target_index=connection.target_index[listed],
        delay=connection.delay[listed],
        weight=mantissa[listed],
        exponent=exponent,
    )
