"""An attention that hardly fires has no part in the actions, whatever the score says."""

from __future__ import annotations

from collections.abc import Mapping

QUIET = 0.01  # spikes a neuron and time step
OUTPUT = ".attention.output"


def quiet_attention(rates: Mapping[str, float | None]) -> str | None:
    """A sentence on the attentions whose output fires in less than 1 % of its time steps; None where there is none.

    Parameters
    ----------
    rates
        Firing rate by layer, in spikes a neuron and time step; None for what does not spike.
    """
    quiet = {
        name.removesuffix(OUTPUT): rate
        for name, rate in rates.items()
        if name.endswith(OUTPUT) and rate is not None and rate < QUIET
    }
    if not quiet:
        return None
    told = ", ".join(f"{block} {100 * rate:.2g} %" for block, rate in quiet.items())
    return f"The token mixing is all but silent: its output fires in {told} of (neuron, time step)."
