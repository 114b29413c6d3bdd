"""One run by one profile: placed where the profile is a chip, timed where it has times, and priced."""

from __future__ import annotations

from dataclasses import dataclass

from dsf_common.errors import GateFailed, UserError
from hw_profiles.activity import ActivityCounts
from hw_profiles.arithmetic.memory_estimate import memory_estimate
from hw_profiles.chip_events import ChipEvents, chip_events
from hw_profiles.energy import EnergyEstimate, estimate_chip_energy, estimate_energy
from hw_profiles.mapping import ChipMapping
from hw_profiles.mapping.mapping_cache import MappingCache
from hw_profiles.network import ChipNetwork, ContextLayout
from hw_profiles.profile import ANN_KINDS, Profile
from hw_profiles.timing import TimeEstimate, estimate_time

NO_PROGRAM = (
    "and this run is of no program in Loihi's integers: where its model has one, export it with --target lava "
    "and run it on any backend but torch"
)


@dataclass(frozen=True, eq=False)
class Priced:
    """A profile's estimates of a run in one layout.

    Attributes
    ----------
    mapping, events, time
        The network on the chip, the events of a decision there, and its duration; None where the profile is no
        chip, or has no times.
    energy
        None where ``refusal`` says why there is none.
    """

    profile: Profile
    layout: ContextLayout
    mapping: ChipMapping | None
    events: ChipEvents | None
    time: TimeEstimate | None
    energy: EnergyEstimate | None
    refusal: str | None


def price(
    activity: ActivityCounts,
    network: ChipNetwork | None,
    profile: Profile,
    layout: ContextLayout = "stream",
    context: int = 1,
    mapping_cache: MappingCache | None = None,
) -> Priced:
    """Price an average decision.

    Parameters
    ----------
    activity
        Counts of the stream, which a window's are made of; of a run of the trained model, the window's own.
    network
        In the layout; None for a run of no program, which cannot be placed on a chip.
    layout
        The answer's layout.
    context
        Tokens of a window that a stream's counts are to be multiplied to; 1 where the counts are a window's already.
    mapping_cache
        Shared by several calls, so that profiles of one chip share a placement.
    """
    try:
        if profile.needs_mapping:
            return _priced_on_chip(activity, network, profile, layout, mapping_cache or MappingCache())
        energy = _energy(activity, network, profile, context if layout == "window" else 1)
    except (GateFailed, UserError) as refused:
        return Priced(profile, layout, None, None, None, None, " ".join(str(refused).split()))
    return Priced(profile, layout, None, None, None, energy, None)


def check_prices_runs(profile: Profile) -> None:
    """Refuse a profile that no spiking run can be priced by.

    Raises
    ------
    UserError
        It is a processor's or a device's, or has no prices.
    """
    if profile.kind in ANN_KINDS:
        raise UserError(
            f"profile {profile.name} is a {profile.kind.value}'s, which prices the ANN baselines of every report: "
            "choose a chip or a convention (dsf-report --list)"
        )
    if not profile.has_prices:
        raise UserError(
            f"profile {profile.name} has no price of any event, so nothing can be estimated by it: "
            "choose another (dsf-report --list)"
        )


def _priced_on_chip(
    activity: ActivityCounts, network: ChipNetwork | None, profile: Profile, layout: ContextLayout, cache: MappingCache
) -> Priced:
    if network is None:
        raise UserError(f"{profile.name} prices events on cores, {NO_PROGRAM}")
    mapping = cache.map(network, profile, {name: counts.spikes for name, counts in activity.by_population.items()})
    events = chip_events(activity, mapping)
    time = estimate_time(events, profile, mapping)
    return Priced(profile, layout, mapping, events, time, estimate_chip_energy(events, profile, mapping, time), None)


def _energy(activity: ActivityCounts, network: ChipNetwork | None, profile: Profile, tokens: int) -> EnergyEstimate:
    if profile.energy.mac is None and activity.host_macs > activity.synops:
        raise UserError(f"{profile.name} has no price of a multiply-accumulate, of which this run has more than synops")
    recomputed = activity.recomputing(tokens) if tokens > 1 else activity
    if profile.memory is None:
        return estimate_energy(recomputed, profile)
    if network is None:
        raise UserError(f"{profile.name} prices memory by the sizes of layers, {NO_PROGRAM}")
    return memory_estimate(recomputed, profile, network)
