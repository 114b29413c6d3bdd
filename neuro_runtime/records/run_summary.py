"""A run in a page: as a document for ``run.json`` and as text for a person."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from dsf_common.checksum import with_checksum
from dsf_common.files import sha256_of
from dsf_common.statistics import MeanEstimate
from dsf_common.text_table import text_table
from dsf_common.versions import installed_version
from hw_profiles.activity import ActivityCounts
from hw_profiles.chip_arithmetic import Extreme, bits_left, counted, nodes_of, standing
from hw_profiles.network import ChipNetwork, ContextLayout
from hw_profiles.pricing import Priced
from hw_profiles.quiet_attention import quiet_attention
from hw_profiles.raster_file import SpikeRaster
from hw_profiles.report import estimate_text, estimates_document
from hw_profiles.run_record import FORMAT
from neuro_runtime.activity import LayerActivity, mean_counts, mean_layers
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.episodes.rollout import Episode, Rollout
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.policy_protocol import PolicyProtocol
from neuro_runtime.program.portable import PORTABLE
from neuro_runtime.records.conversion_stages import ConversionStages
from neuro_runtime.simulators.co_simulation import CoSimulationResult
from neuro_runtime.simulators.state_peaks import StatePeaks

NETWORK = "network.h5"
RASTER = "raster.h5"
DISTRIBUTIONS = ("decision-spikeformer", "numpy", "gymnasium", "gymnasium-robotics", "mujoco", "torch")


@dataclass(frozen=True)
class RunSummary:
    """The summary of a run, beside its decisions.

    Attributes
    ----------
    backend
        Name of what ran the policy.
    rollout
        The episodes.
    priced
        The average decision by each profile.
    layout
        ``stream`` if a decision computed its newest token alone, or ``window`` if all of its context.
    provenance
        See :func:`provenance_of`.
    command
        The command that made the run.
    observation_size, action_size
        Widths of the policy.
    states
        How large the states have been, where the backend watches them.
    extremes
        The most extreme numbers of a loihi program, what arrives at its nodes among them: proven, and observed where
        the backend counts it.
    comparison
        The agreement of two simulators, where the backend runs a co-simulation.
    network, context, raster
        The network that a report places on chips, the tokens of its window, every spike of one decision; a run of
        a program has them.
    stages
        Scores through the conversion, where they were measured.
    protocol
        How the policy was trained, and is to be run, where its backend says.
    samples
        Whether each episode is a sample given to a network, and its score 100 where the class is right.
    """

    backend: str
    rollout: Rollout
    priced: Sequence[Priced]
    layout: ContextLayout
    provenance: Mapping[str, str]
    command: str
    observation_size: int
    action_size: int
    states: Sequence[StatePeaks] = ()
    extremes: Sequence[Extreme] = ()
    comparison: CoSimulationResult | None = None
    network: ChipNetwork | None = None
    context: int | None = None
    raster: SpikeRaster | None = None
    stages: ConversionStages | None = None
    protocol: PolicyProtocol | None = None
    samples: bool = False

    @property
    def counts(self) -> ActivityCounts:
        """Means over all decisions; by population where the network is known."""
        return mean_counts(self.rollout.activities, by_population=self.network is not None)

    def document(self) -> dict[str, object]:
        """Plain values for JSON. ``activity`` and what lies in it are counts of an average decision."""
        rollout = self.rollout
        document = {
            "format": FORMAT,
            "environment": rollout.environment,
            "samples": self.samples,
            "backend": self.backend,
            "return_target": rollout.return_target,
            "observation_size": self.observation_size,
            "action_size": self.action_size,
            "context": self.context,
            "layout": self.layout,
            "episodes": [_episode_document(episode) for episode in rollout.episodes],
            "return": asdict(rollout.total_reward),
            "score": asdict(rollout.score),
            "decisions": len(rollout.seconds),
            "seconds_per_decision": {
                "mean": float(rollout.seconds.mean()),
                "median": float(np.median(rollout.seconds)),
                "highest": float(rollout.seconds.max()),
            },
            "activity": asdict(self.counts),
            "layers": [asdict(layer) for layer in mean_layers(rollout.activities)],
            "largest_states": [{**asdict(states), "bits_left": states.bits_left} for states in self.states],
            "extremes": [asdict(extreme) for extreme in self.extremes],
            "portable": standing(PORTABLE.departures(self.extremes)) if self.extremes else None,
            "comparison": None if self.comparison is None else asdict(self.comparison),
            "network": None if self.network is None else NETWORK,
            "raster": None if self.raster is None else RASTER,
            "stages": None if self.stages is None else self.stages.document(),
            "energy": estimates_document([priced.energy for priced in self.priced if priced.energy is not None]),
            "protocol": None if self.protocol is None else self.protocol.document(),
            "command": self.command,
            "provenance": dict(self.provenance),
        }
        return with_checksum(document)

    def text(self) -> str:
        """Episodes, means, layers and energy, as tables."""
        rollout = self.rollout
        return "\n\n".join(
            [
                f"{rollout.environment} on {self.backend}, policy {self.provenance['policy']}, "
                f"return target {rollout.return_target:g}",
                *([] if self.protocol is None else [f"protocol: {self.protocol}"]),
                _episode_table(rollout.episodes),
                "\n".join(_mean_lines(rollout)),
                *([] if self.comparison is None else [comparison_line(self.comparison)]),
                _layer_table(mean_layers(rollout.activities), self.states, self.extremes),
                *([_portable_line(self.extremes)] if self.extremes else []),
                *map(_priced_text, self.priced),
            ]
        )


def provenance_of(files: PolicyFiles) -> dict[str, str]:
    """The policy's name, the hash of each of its files, and the versions of what matters to a result."""
    hashes = {
        f"{kind}_sha256": sha256_of(path)
        for kind, path in (("model", files.model), ("program", files.program))
        if path is not None
    }
    versions = {name: installed_version(name) for name in DISTRIBUTIONS}
    return {"policy": files.name, **hashes, "python": platform.python_version(), **versions}


def dead_layers(rollout: Rollout) -> list[str]:
    """Spiking layers that never fired in the whole run."""
    return [layer.name for layer in mean_layers(rollout.activities) if layer.firing_rate == 0]


def _priced_text(priced: Priced) -> str:
    profile = priced.profile
    if priced.energy is None:
        return f"energy a decision, {profile.title} [{profile.name}]: unknown\n  {priced.refusal}"
    return estimate_text(priced.energy)


def _episode_document(episode: Episode) -> dict[str, object]:
    return {
        "seed": episode.seed,
        "steps": episode.steps,
        "return": episode.total_reward,
        "score": episode.score,
        "activity": _totals(mean_counts(episode.activities)),
        "seconds_per_decision": float(episode.seconds.mean()),
    }


def _totals(counts: ActivityCounts) -> dict[str, float]:
    return {name: value for name, value in vars(counts).items() if isinstance(value, int | float)}


def _episode_table(episodes: Sequence[Episode]) -> str:
    header = ("seed", "steps", "return", "score", "spikes/decision", "synops/decision", "host ms/decision")
    return text_table([header, *map(_episode_cells, episodes)])


def _episode_cells(episode: Episode) -> tuple[str, ...]:
    counts: ActivityCounts = mean_counts(episode.activities)
    return (
        str(episode.seed),
        str(episode.steps),
        f"{episode.total_reward:.1f}",
        f"{episode.score:.1f}",
        f"{counts.spikes:,.1f}",
        f"{counts.synops:,.0f}",
        f"{1000 * episode.seconds.mean():.3g}",
    )


def _mean_lines(rollout: Rollout) -> list[str]:
    count = len(rollout.episodes)
    over = f"over {count} episodes" if count > 1 else "of 1 episode (no interval)"
    known = load_environment_spec(rollout.environment).has_references
    scale = "0 is a random policy, 100 the reference" if known else "the return itself, as no reference is known"
    quiet = quiet_attention(mean_layers(rollout.activities))
    return [
        f"return {_interval_text(rollout.total_reward)} {over}",
        f"score  {_interval_text(rollout.score)} {over}; {scale}",
        *([] if quiet is None else [quiet]),
    ]


def _interval_text(estimate: MeanEstimate) -> str:
    if estimate.standard_error is None:
        return f"{estimate.mean:.1f}"
    return (
        f"{estimate.mean:.1f} ± {estimate.standard_error:.1f} (standard error; "
        f"95 % interval {estimate.low:.1f} … {estimate.high:.1f})"
    )


def comparison_line(comparison: CoSimulationResult) -> str:
    """A co-simulation in one line."""
    return (
        f"{comparison.names[0]} beside it: {comparison.compared:,} spikes ({comparison.fired:,} fired) and "
        f"{comparison.states_compared:,} states compared, "
        f"{comparison.different} spikes and {comparison.states_different} states different"
    )


def _layer_table(layers: Sequence[LayerActivity], states: Sequence[StatePeaks], extremes: Sequence[Extreme]) -> str:
    if not layers:
        return "no spiking layers"
    columns = {**_state_columns(states), **_arrival_columns(extremes)}
    header = ("layer", "firing rate", "spikes/decision", "synops/decision", *columns)
    rows = [(*_layer_cells(layer), *(cells.get(layer.name, "") for cells in columns.values())) for layer in layers]
    return text_table([header, *rows])


def _state_columns(states: Sequence[StatePeaks]) -> dict[str, dict[str, str]]:
    """A column's heading, and its cell for each node."""
    return {"bits left of 24": {node.node: f"{node.bits_left:.1f}" for node in states}} if states else {}


def _arrival_columns(extremes: Sequence[Extreme]) -> dict[str, dict[str, str]]:
    """The most that arrives in a time step: proven, observed, and the bits left by the stronger evidence."""
    arrivals = {extreme.node: extreme for extreme in extremes if extreme.quantity == "arrival"}
    if not arrivals:
        return {}
    counted = {node: f"{item.observed:,}" for node, item in arrivals.items() if item.observed is not None}
    return {
        "arrival, bound": {node: f"{item.bound:,}" for node, item in arrivals.items()},
        **({"observed": counted} if counted else {}),
        f"bits left of {PORTABLE.accumulator_bits}": {node: _arrival_bits(item) for node, item in arrivals.items()},
    }


def _arrival_bits(arrival: Extreme) -> str:
    limit = PORTABLE.limit(arrival)
    assert limit is not None
    if arrival.bound <= limit or arrival.observed is None:
        return f"{bits_left(arrival.bound, limit):.1f} proven"
    return f"{bits_left(arrival.observed, limit):.1f} observed"


def _portable_line(extremes: Sequence[Extreme]) -> str:
    """Whether Lava's and nengo-loihi's emulators run the program alike, as far as the run and the bounds tell."""
    departures, alike = PORTABLE.departures(extremes), "Lava's and nengo-loihi's emulators run it alike"
    match standing(departures):
        case "proven":
            return f"inside the portable subset, proven: {alike}"
        case "observed":
            nodes = ", ".join(dict.fromkeys(departure.node for departure in departures))
            return (
                f"inside the portable subset, as far as observed: {alike} unless more arrives at {nodes}, whose bound "
                "is beyond it, than in this run"
            )
        case "outside":
            return (
                f"outside the portable subset, where emulators of Loihi may part: {nodes_of(departures)} of "
                f"{nodes_of(extremes)} nodes, {counted(departures)}"
            )


def _layer_cells(layer: LayerActivity) -> tuple[str, ...]:
    rate = "" if layer.firing_rate is None else f"{100 * layer.firing_rate:.2f} %"
    return layer.name, rate, f"{layer.spikes:,.1f}", f"{layer.synops:,.0f}"
