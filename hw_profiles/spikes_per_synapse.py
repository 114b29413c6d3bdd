"""How often a synapse is used: the figure that the published break-even points of spikes against an ANN are in."""

from __future__ import annotations

from hw_profiles.activity import ActivityCounts
from hw_profiles.network import ChipNetwork


def spikes_per_synapse(activity: ActivityCounts, network: ChipNetwork) -> float:
    """Spikes that an average synapse carries in one decision: ``synaptic operations / synapses``; 0 without synapses.

    Parameters
    ----------
    activity
        Counts of one decision.
    network
        The one that did them, in the same layout.
    """
    return activity.synops / network.synapses if network.synapses else 0.0
