"""The portable subset: loihi programs that every public emulator of the chip runs alike, and who leaves it.

Lava, nengo-loihi and brian2-loihi agree on every spike, current and voltage of a program

- whose weights are whole with their connection's exponent multiplied in: even ones, as every valid program's are
  (`neuro_runtime.program.validate`), from −1 up,
- that brings no neuron 2^15 weight units or more through its synapses in a time step,
- whose u and v never leave 24 bits,
- whose thresholds a chip accepts, and whose host injects currents that a chip's bias holds,
- that resets no neuron at a token's begin, as nengo-loihi's Loihi 1 has no means to do,
- none of whose spikes is graded.

A number of the program that lies outside is **set**. One that depends on spikes is judged twice: by its **bound**, with
every synapse of one sign active at once, and by the largest that a run has **observed**. A bound within its limit is a
proof. One beyond it is none of the contrary.
"""

from __future__ import annotations

from collections.abc import Iterable

from hw_profiles.chip_arithmetic import ChipArithmetic, Departure, Extreme
from neuro_runtime.program.active_time_steps import ActiveTimeSteps
from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.program.extremes import extremes, extremes_of, injection_step
from neuro_runtime.program.limits import (
    ARRIVAL_BITS,
    BIAS_MANTISSA_BITS,
    CURRENT_SHIFT,
    LARGEST_BIAS_EXPONENT,
    LARGEST_THRESHOLD,
    SMALLEST_PORTABLE_EXPONENT,
    SMALLEST_PORTABLE_THRESHOLD,
    STATE_BITS,
)
from neuro_runtime.program.nodes import Neurons
from neuro_runtime.program.program import SpikingProgram

PORTABLE = ChipArithmetic(
    smallest_exponent=SMALLEST_PORTABLE_EXPONENT,
    smallest_threshold=SMALLEST_PORTABLE_THRESHOLD,
    largest_threshold=LARGEST_THRESHOLD,
    accumulator_bits=ARRIVAL_BITS,
    bias_bits=BIAS_MANTISSA_BITS,
    largest_bias_exponent=LARGEST_BIAS_EXPONENT,
    state_bits=STATE_BITS,
    weight_shift=CURRENT_SHIFT,
    payload_bits=0,
    resets=False,
)


def departures(
    program: SpikingProgram, token: float | None = None, observed: Iterable[ArrivalPeaks] = ()
) -> list[Departure]:
    """Everything in a loihi program that leaves the portable subset, in the order of its nodes.

    Parameters
    ----------
    token
        The largest integer that the host gives for a channel of the token; by default what its encoder can reach in
        each.
    observed
        The largest arrivals of a run. Where one exceeds its limit, it is told instead of the bound.
    """
    return PORTABLE.departures(extremes(program, token, observed))


def departures_of(
    program: SpikingProgram,
    node: Neurons,
    steps: ActiveTimeSteps,
    token: float | None = None,
    observed: ArrivalPeaks | None = None,
) -> list[Departure]:
    """One node's part of :func:`departures`; parameters are those of `neuro_runtime.program.extremes.extremes_of`."""
    return PORTABLE.departures(extremes_of(program, node, steps, token, observed))


def injection_limit(program: SpikingProgram, node: Neurons) -> int:
    """The largest current that a chip's bias holds exactly, whatever the token: beyond 12 bits, even ones alone."""
    limit = PORTABLE.limit(Extreme(node.name, node.name, "injection", 0, step=injection_step(program, node) or 2))
    assert limit is not None
    return limit
