"""From a saved run and profiles to the report's document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import UserError
from hw_profiles.arithmetic.baselines import baseline_estimates
from hw_profiles.arithmetic.break_even import break_even
from hw_profiles.energy import EnergyEstimate
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.mapping.mapping_cache import MappingCache
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import ChipNetwork
from hw_profiles.network_file import load_network
from hw_profiles.pareto_front import ParetoFront, shipped_front
from hw_profiles.pricing import Priced, check_prices_runs, price
from hw_profiles.profile import Figure, Kind, Profile
from hw_profiles.raster_file import SpikeRaster, load_raster
from hw_profiles.report.accounts import band_of, energy_account, time_account
from hw_profiles.report.document import (
    Assumption,
    Band,
    Baseline,
    Interval,
    LayerRate,
    LayoutAnswer,
    ParetoFrontAnswer,
    ProfileAnswer,
    Raster,
    RasterLayer,
    Report,
    ReportedAnchor,
    ReportedBreakEven,
    ReportedStage,
    ReportedStages,
    Task,
)
from hw_profiles.report.pareto_front_answer import front_answer
from hw_profiles.report.placement import placement_of
from hw_profiles.report.verdict import verdict
from hw_profiles.run_record import Mean, RunRecord, load_record
from hw_profiles.spikes_per_synapse import spikes_per_synapse

# A regression over measurements on silicon; the other chips' prices are simulated or inferred.
FIRST_PROFILE = "loihi1-measured"
SECTIONS = ("energy", "power", "time", "memory", "capacity")
PICOJOULES = {"pJ": 1.0, "uJ": 1e6}


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A run's record and the files that it names, read."""

    record: RunRecord
    network: ChipNetwork | None
    raster: SpikeRaster | None


def load_run(record_file: Path) -> SavedRun:
    """Read a run.

    Raises
    ------
    UserError
        A file is missing or damaged, or the files are not of the same run.
    """
    record = load_record(record_file)
    network = None if record.network is None else load_network(record_file.parent / record.network)
    raster = None if record.raster is None else load_raster(record_file.parent / record.raster)
    if network is not None:
        known = {population.name for population in network.populations}
        if strange := [name for name in record.activity.by_population if name not in known]:
            raise UserError(f"{record_file} counts {strange[0]}, which {record.network} does not have: run it again")
    return SavedRun(record, network, raster)


def default_profiles() -> list[str]:
    """Every shipped profile that can price a run, the one for the top first."""
    names = [name for name in profile_names() if _prices_runs(load_profile(name))]
    return sorted(names, key=lambda name: name != FIRST_PROFILE)


def report_of(run: SavedRun, profiles: Sequence[Profile], front: ParetoFront | None = None) -> Report:
    """Everything that is said of a run.

    Parameters
    ----------
    profiles
        What to price it by. The first that can stands at the top.
    front
        Of the run's environment; None takes the one that ships, where one does.

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
    priced = [answer.name for answer in answers if answer.layouts[0].energy is not None]
    if not priced:
        raise UserError(f"no profile given can price this run: {answers[0].layouts[0].refusal}")
    return Report(
        title=f"{record.environment} on {record.backend}: what a decision costs",
        task=_task(record),
        main_profile=priced[0],
        profiles=answers,
        baselines=baselines,
        rates=tuple(
            LayerRate(layer.name, _is_attention(layer.name), layer.firing_rate, layer.spikes, layer.synops)
            for layer in record.layers
        ),
        raster=None if run.raster is None else _raster(run.raster),
        stages=_stages(record),
        front=_front(run, answers, front or shipped_front(record.environment), mapping_cache),
        spikes_per_synapse=None if run.network is None else spikes_per_synapse(record.counts, run.network),
        break_even=_break_even(run),
        anchors=_anchors(),
        assumptions=tuple(item for profile in profiles for item in _assumptions(profile)),
        notes=_notes(run),
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
        # What prices no placement prices the window's work by the stream's layers.
        network = window if profile.needs_mapping else run.network
        answers.append(price(counts, network, profile, "window", context, mapping_cache))
    return ProfileAnswer(
        profile.name,
        profile.title,
        profile.kind.value,
        profile.about,
        tuple(_layout(run, priced, baselines) for priced in answers),
    )


def _layout(run: SavedRun, priced: Priced, baselines: Sequence[Baseline]) -> LayoutAnswer:
    order = [layer.name for layer in run.record.layers]
    energy = None if priced.energy is None else energy_account(priced.energy, order)
    capacity, mapping, events = priced.profile.capacity, priced.mapping, priced.events
    left_out = priced.profile.not_counted if mapping is None else ()
    return LayoutAnswer(
        name=priced.layout,
        verdict="" if energy is None else verdict(priced.profile.title, energy.total, baselines, left_out),
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
    processors = [profile for name in profile_names() if (profile := load_profile(name)).kind is Kind.processor]
    estimates = baseline_estimates(run.record.observation_size, run.record.action_size, run.network, processors)
    return tuple(
        Baseline(estimate.profile, estimate.title, _short_title(estimate), band_of(estimate), estimate.not_counted)
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
    return front_answer(front, found, _interval(record.score), record.counts.synops)


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


def _break_even(run: SavedRun) -> tuple[ReportedBreakEven, ...]:
    if run.network is None:
        return ()
    used = spikes_per_synapse(run.record.counts, run.network)
    points = []
    for found in break_even(used, run.network.active_steps):
        authors, _, _ = found.threshold.source.partition(", ")
        points.append(
            ReportedBreakEven(
                authors,
                found.threshold.source,
                found.threshold.low,
                found.threshold.high,
                found.value,
                "spikes a synapse and time step" if found.threshold.a_step else "spikes a synapse and decision",
                found.verdict.value,
            )
        )
    return tuple(points)


def _anchors() -> tuple[ReportedAnchor, ...]:
    profiles = [load_profile(name) for name in profile_names()]
    return tuple(
        ReportedAnchor(
            profile.title,
            anchor.workload,
            _band(anchor.energy, PICOJOULES[anchor.energy.unit]),
            anchor.energy.grade.value,
            anchor.energy.source,
        )
        for profile in profiles
        for anchor in profile.anchors
    )


def _assumptions(profile: Profile) -> list[Assumption]:
    """Every figure of the profile, section by section."""
    return [
        Assumption(profile.name, f"{section}.{key}", _band(figure), figure.unit, figure.grade.value, figure.source)
        for section in SECTIONS
        if (figures := getattr(profile, section)) is not None
        for key, figure in vars(figures).items()
        if isinstance(figure, Figure)
    ]


def _task(record: RunRecord) -> Task:
    return Task(
        record.environment,
        record.provenance.get("policy", "unknown"),
        record.backend,
        tuple(episode.seed for episode in record.episodes),
        record.decisions,
        record.return_target,
        _interval(record.score),
        _interval(record.total_reward),
    )


def _stages(record: RunRecord) -> ReportedStages | None:
    stages = record.stages
    if stages is None:
        return None
    return ReportedStages(
        tuple(ReportedStage(stage.name, stage.what, _interval(stage.score)) for stage in stages.stages),
        None if stages.difference is None else _interval(stages.difference),
        stages.note,
    )


def _raster(raster: SpikeRaster) -> Raster:
    layers, rows, steps, first = [], [], [], 0
    for name, spikes in raster.spikes.items():
        size = spikes.shape[1]
        layers.append(RasterLayer(name, _is_attention(name), first, size))
        fired_at, neurons = spikes.nonzero()
        steps += fired_at.tolist()
        rows += (first + neurons).tolist()
        first += size
    return Raster(raster.seed, raster.decision, raster.time_steps, tuple(layers), tuple(rows), tuple(steps))


def _notes(run: SavedRun) -> tuple[str, ...]:
    """What this run cannot tell, and why."""
    if run.network is None:
        return (
            f"The run is of no program in Loihi's integers (backend {run.record.backend}), so there is no network to "
            "place on a chip: conventions price it, and there are neither ANN baselines nor a window layout.",
        )
    notes = []
    if run.record.context is None:
        notes.append("The program does not say how many tokens its context has, so there is no window layout.")
    silent = [layer.name for layer in run.record.layers if layer.firing_rate == 0]
    if silent:
        notes.append(f"Never fired in the whole run: {', '.join(silent)}.")
    return tuple(notes)


def _prices_runs(profile: Profile) -> bool:
    return profile.kind is not Kind.processor and profile.has_prices


def _is_attention(layer: str) -> bool:
    return ".attention." in layer


def _interval(mean: Mean) -> Interval:
    return Interval(mean.mean, mean.low, mean.high)


def _band(figure: Figure, scale: float = 1.0) -> Band:
    low, high = figure.band
    return Band(figure.value * scale, low * scale, high * scale)
