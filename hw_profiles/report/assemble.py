"""The report's document, made from a saved run and profiles."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dsf_common.errors import UserError
from hw_profiles.arithmetic.baselines import baseline_estimates
from hw_profiles.energy import EnergyEstimate
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.main_profile import MAIN_PROFILE
from hw_profiles.mapping.mapping_cache import MappingCache
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import ChipNetwork
from hw_profiles.pareto_front import ParetoFront, shipped_front
from hw_profiles.pricing import Priced, check_prices_runs, price
from hw_profiles.profile import ANN_KINDS, Kind, Profile
from hw_profiles.report.accounts import band_of, energy_account, time_account
from hw_profiles.report.accounts_of_one_chip import accounts_of_one_chip
from hw_profiles.report.arithmetic_answer import arithmetic_answer
from hw_profiles.report.document.activity import LayerRate
from hw_profiles.report.document.answers import MEASURED, PRICED, Baseline, LayoutAnswer, ProfileAnswer
from hw_profiles.report.document.context import ParetoFrontAnswer
from hw_profiles.report.document.report import Report
from hw_profiles.report.pareto_front_answer import front_answer
from hw_profiles.report.placement import placement_of
from hw_profiles.report.published_figures import anchors, assumptions_of, break_even_of
from hw_profiles.report.run_account import interval, is_attention, notes_of, raster_of, stages_of, task_of
from hw_profiles.report.saved_run import SavedRun
from hw_profiles.report.verdict import verdict
from hw_profiles.spikes_per_synapse import spikes_per_synapse


def default_profiles() -> list[str]:
    """Every shipped profile that can price a run, the one for the top first."""
    names = [name for name in profile_names() if _prices_runs(load_profile(name))]
    return sorted(names, key=lambda name: name != MAIN_PROFILE)


def report_of(run: SavedRun, profiles: Sequence[Profile], front: ParetoFront | None = None) -> Report:
    """Everything that is said of a run.

    Parameters
    ----------
    profiles
        The profiles to price it by; the first that can price it stands at the top.
    front
        The Pareto front of the run's environment; None takes the one that ships, where one does.

    Raises
    ------
    UserError
        A profile prices no runs, no profile can price this one, or the front is of another environment.
    """
    for profile in profiles:
        check_prices_runs(profile)
    record = run.record
    baselines = _baselines(run)
    window = _window(run)
    mapping_cache = MappingCache()
    answers = tuple(_answer(run, profile, window, baselines, mapping_cache) for profile in profiles)
    firsts = [answer.first for answer in answers]
    priced = [answer.name for answer in answers if answer.layouts[0].energy is not None]
    if not priced:
        raise UserError(f"no profile given can price this run: {answers[0].layouts[0].refusal}")
    return Report(
        title=f"{record.environment} on {record.backend}: what a decision costs",
        task=task_of(record),
        protocol=record.protocol,
        main_profile=priced[0],
        profiles=answers,
        baselines=baselines,
        rates=tuple(
            LayerRate(layer.name, is_attention(layer.name), layer.firing_rate, layer.spikes, layer.synops)
            for layer in record.layers
        ),
        raster=None if run.raster is None else raster_of(run.raster),
        stages=stages_of(record),
        front=_front(run, answers, front or shipped_front(record.environment), mapping_cache),
        spikes_per_synapse=None if run.network is None else spikes_per_synapse(record.counts, run.network),
        break_even=break_even_of(run),
        anchors=anchors(),
        assumptions=tuple(item for profile in profiles for item in assumptions_of(profile)),
        notes=(*notes_of(run), *accounts_of_one_chip(list(zip(profiles, firsts, strict=True)))),
        command=record.command,
        versions=tuple(record.provenance.items()),
    )


def _answer(
    run: SavedRun,
    profile: Profile,
    window: ChipNetwork | None,
    baselines: Sequence[Baseline],
    mapping_cache: MappingCache,
) -> ProfileAnswer:
    counts, context = run.record.counts, run.record.context
    answers = [price(counts, run.network, profile, run.record.layout, mapping_cache=mapping_cache)]
    if context is not None and (window is not None or not profile.needs_mapping) and run.network is not None:
        # A profile that prices no placement prices the window's work by the stream's layers.
        network = window if profile.needs_mapping else run.network
        answers.append(price(counts, network, profile, "window", context, mapping_cache))
    return ProfileAnswer(
        profile.name,
        profile.title,
        profile.kind.value,
        profile.about,
        tuple(_layout(run, priced, baselines) for priced in answers),
        arithmetic_answer(profile, run.record.extremes),
    )


def _layout(run: SavedRun, priced: Priced, baselines: Sequence[Baseline]) -> LayoutAnswer:
    order = [layer.name for layer in run.record.layers]
    energy = None if priced.energy is None else energy_account(priced.energy, order)
    capacity, mapping, events = priced.profile.capacity, priced.mapping, priced.events
    left_out = priced.profile.not_counted if mapping is None else ()
    return LayoutAnswer(
        name=priced.layout,
        verdict="" if energy is None else verdict(priced.profile.title, energy, baselines, left_out),
        energy=energy,
        time=None if priced.time is None else time_account(priced.time),
        placement=placement_of(mapping, capacity, events) if mapping and capacity and events else None,
        refusal=priced.refusal,
    )


def _window(run: SavedRun) -> ChipNetwork | None:
    """The network once for every token; None where the run has no network or does not say its context."""
    if run.network is None or run.record.context is None:
        return None
    return window_layout(run.network, run.record.context)


def _baselines(run: SavedRun) -> tuple[Baseline, ...]:
    if run.network is None:
        return ()
    profiles = [load_profile(name) for name in profile_names()]
    widths = None if run.record.samples else (run.record.observation_size, run.record.action_size)
    estimates = baseline_estimates(widths, run.network, profiles)
    return tuple(
        Baseline(
            estimate.profile,
            estimate.title,
            _short_title(estimate),
            MEASURED if load_profile(estimate.profile).kind is Kind.device else PRICED,
            band_of(estimate),
            estimate.not_counted,
        )
        for estimate in estimates
    )


def _short_title(estimate: EnergyEstimate) -> str:
    """The network without its dimensions, and the processor by its name."""
    network = re.sub(r" \([^)]*\)", "", estimate.title.partition(":")[0])
    return f"{network}, {estimate.profile}"


def _front(
    run: SavedRun, answers: Sequence[ProfileAnswer], front: ParetoFront | None, mapping_cache: MappingCache
) -> ParetoFrontAnswer | None:
    if front is None:
        return None
    record = run.record
    if front.environment != record.environment:
        raise UserError(f"the front is of {front.environment} and the run of {record.environment}: give one of its own")
    found = next((answer.first for answer in answers if answer.name == front.profile), None)
    found = found or _by_shipped(run, front.profile, mapping_cache)
    return front_answer(front, found, interval(record.score), record.counts.synops)


def _by_shipped(run: SavedRun, name: str, mapping_cache: MappingCache) -> LayoutAnswer:
    """The run by a shipped profile; a front's own profile may be another."""
    record = run.record
    if name not in profile_names():
        return LayoutAnswer(
            record.layout, "", None, None, None, f"its front is by {name}; give that file as --profile too"
        )
    return _layout(
        run, price(record.counts, run.network, load_profile(name), record.layout, mapping_cache=mapping_cache), ()
    )


def _prices_runs(profile: Profile) -> bool:
    return profile.kind not in ANN_KINDS and profile.has_prices
