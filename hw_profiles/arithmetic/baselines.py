"""The same decision by an artificial neural network: what one would deploy instead."""

from __future__ import annotations

from collections.abc import Sequence

from hw_profiles.arithmetic.decision_transformer import decision_transformer_macs
from hw_profiles.arithmetic.mac_counts import MacCounts
from hw_profiles.arithmetic.measured_ann import measured_ann_estimate
from hw_profiles.arithmetic.network_as_ann import network_as_ann_macs
from hw_profiles.energy import EnergyEstimate, EnergyLine
from hw_profiles.figure import Figure
from hw_profiles.network import ChipNetwork
from hw_profiles.profile import Kind, Profile

OWN = "this network as an ANN"
NOT_THE_SAME = "training such a network, and whether its score would be the same"


def baseline_estimates(
    widths: tuple[int, int] | None, network: ChipNetwork, profiles: Sequence[Profile]
) -> list[EnergyEstimate]:
    """The ANNs that one would deploy instead, by each processor and each device.

    A processor prices Decision Transformer, with and without a cache, and the policy's own network as an ANN. A device,
    measured at a network of a policy's size, is scaled to the policy's own alone.

    Parameters
    ----------
    widths
        Those of the environment's observation and action; None for a network of samples, which no Decision
        Transformer would replace.
    network
        The policy's, in the stream layout and before mapping.
    profiles
        Those of another kind, and processors without a price, are passed over.
    """
    own = network_as_ann_macs(network)
    transformer = "Decision Transformer (D 128, L 3, K 20)"
    workloads = {OWN: own}
    if widths is not None:
        workloads = {
            f"{transformer}, recomputed": decision_transformer_macs(*widths, cached=False),
            f"{transformer}, cached": decision_transformer_macs(*widths, cached=True),
            **workloads,
        }
    by_prices = [
        ann_estimate(workload, counts, profile)
        for profile in profiles
        if profile.kind is Kind.processor and profile.energy.mac is not None
        for workload, counts in workloads.items()
    ]
    measured = [measured_ann_estimate(OWN, own, profile) for profile in profiles if profile.kind is Kind.device]
    return [*by_prices, *measured]


def ann_estimate(workload: str, counts: MacCounts, profile: Profile) -> EnergyEstimate:
    """One network's decision by one processor: multiply-accumulates, weights fetched once, the cache read and written.

    Accesses to memory are ``values · word_bits / access_bits``; a write is charged as a read, as its source does.
    """
    lines = [] if profile.energy.mac is None else [_line("multiply-accumulates", counts.total, profile.energy.mac)]
    memory = profile.memory
    if memory is not None and memory.read_per_access and memory.access_bits and memory.word_bits:
        accesses = memory.word_bits.value / memory.access_bits.value
        kept = counts.state_read + counts.state_written
        lines.append(_line("memory accesses for weights", counts.weights_read * accesses, memory.read_per_access))
        if kept:
            lines.append(_line("memory accesses for earlier tokens", kept * accesses, memory.read_per_access))
    return EnergyEstimate(
        profile.name, f"{workload}: {profile.title}", tuple(lines), (*profile.not_counted, NOT_THE_SAME)
    )


def _line(term: str, count: float, figure: Figure) -> EnergyLine:
    low, high = figure.band
    return EnergyLine(term, None, count, figure.value, low, high, figure.grade, figure.source)
