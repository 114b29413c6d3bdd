"""Neurons are reset at a token's begin, so that none has to decay before it.

**Match.** As for the shortest period (`dsf_export.optimise.period`), where the chip has a reset; the period is shorter
if LIF neurons that would not decay to 0 in its idle steps are reset instead.

**Keeps.** Every spike, in the same of the T time steps of its node.

**Exact**, since v is 0 where a decision's first input arrives at a node, by a reset as by its decay. A reset forgets
what came before its time step and not what arrives in it, and spikes of a decision's last time step arrive in the next
one's first. So each node is reset in its own first time step: nothing of an earlier decision arrives after it.
"""

from __future__ import annotations

from dsf_export.optimise.period import ShortestPeriod


class ResetAtBegin(ShortestPeriod):
    """See the module."""

    name = "reset at a token's begin"
    resets = True
