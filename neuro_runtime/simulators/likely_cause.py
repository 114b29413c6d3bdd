"""Why two simulators of Loihi part at a neuron, as far as its states tell."""

from __future__ import annotations

from neuro_runtime.program.limits import ARRIVAL_BITS, STATE_BITS
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import SpikingProgram

ARRIVAL_MODULUS = 1 << (ARRIVAL_BITS + 1)
CURRENT_MODULUS = 1 << STATE_BITS


def likely_cause(program: SpikingProgram, node: str, currents: tuple[int, int], voltages: tuple[int, int]) -> str:
    """The likeliest reason for the first difference between two simulators.

    Parameters
    ----------
    node
        The neuron's node.
    currents, voltages
        Its u and v in both after that time step. All before it was equal.
    """
    outside = {departure.quantity for departure in departures(program) if departure.node == node}
    apart = currents[0] - currents[1]
    values = f"u is {currents[0]} and {currents[1]}"
    if apart and apart % CURRENT_MODULUS == 0 and "arrival" not in outside:
        return f"bias: {values}, 2^{STATE_BITS} apart; with the host's current it wraps at {STATE_BITS} bits"
    if apart and apart % ARRIVAL_MODULUS == 0:
        return (
            f"accumulator: {values}, a multiple of 2^{ARRIVAL_BITS + 1} apart; one adds what arrives up in "
            f"{ARRIVAL_BITS} bits and a sign, and wraps"
        )
    if apart and "exponent" in outside:
        return f"exponent: {values}; below −1 one rounds each weight and the other a connection's sum"
    if apart:
        return f"current: {values}, and no limit that the two are known to treat otherwise explains it"
    if voltages[0] != voltages[1] and (min(voltages) < 0 or "voltage" in outside):
        return f"floor: u is the same, v is {voltages[0]} and {voltages[1]}; its floor or ceiling differs"
    return f"threshold or reset: u is the same, v is {voltages[0]} and {voltages[1]}"
