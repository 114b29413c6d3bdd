"""A saved run, as far as a report needs it: ``run.json`` read strictly, and the files that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from dsf_common.checksum import require_intact
from dsf_common.errors import UserError, first_line
from dsf_common.files import require_readable
from dsf_common.validation import first_problem
from dsf_common.versions import if_newer
from hw_profiles.activity import ActivityCounts, PopulationCounts
from hw_profiles.chip_arithmetic import Extreme
from hw_profiles.network import ContextLayout

RECORD = "run.json"
TRACE = "trace.h5"  # every decision of the run; no report needs it
FORMAT = 2

# The record may also hold what a report does not need.
LENIENT = ConfigDict(extra="ignore")
Count = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, config=LENIENT)
class Mean:
    """A mean and its 95 % interval, which a single value has none of."""

    mean: Finite
    low: Finite | None
    high: Finite | None


@dataclass(frozen=True, config=LENIENT)
class EpisodeRecord:
    """One episode."""

    seed: int
    steps: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=LENIENT)
class LayerRecord:
    """A layer in an average decision; a target that does not spike has no firing rate."""

    name: str
    firing_rate: Annotated[float, Field(ge=0, le=1)] | None
    spikes: Count
    synops: Count


@dataclass(frozen=True, config=LENIENT)
class StageRecord:
    """The policy's score at one stage of its conversion."""

    name: str
    what: str
    score: Mean


@dataclass(frozen=True, config=LENIENT)
class StagesRecord:
    """Every stage, last − first paired by episode, and which stage is missing and why."""

    stages: Annotated[tuple[StageRecord, ...], Field(min_length=1)]
    difference: Mean | None
    note: str | None


@dataclass(frozen=True, config=LENIENT)
class ProtocolRecord:
    """How the policy was trained; null where nothing is clipped, or no bounds are known.

    Attributes
    ----------
    return_scale
        Divides a return-to-go before the network gets it.
    delayed_reward
        Whether all reward came with the last step.
    input_clip
        Deviations from the mean at which an observation's entry is clipped.
    action_low, action_high
        What −1 … 1 stands for, in the environment's own unit.
    first_choice
        Where an action is one of several whole numbers, the first of them.
    data_notes
        A sentence for everything that was doubtful about the training data.
    """

    return_scale: Finite
    delayed_reward: bool
    input_clip: Finite | None
    action_low: tuple[Finite, ...] | None
    action_high: tuple[Finite, ...] | None
    first_choice: int | None
    data_notes: tuple[str, ...]

    @property
    def actions(self) -> str:
        """The bounds of the actions in words, those of several that are alike once."""
        if self.action_low is None or self.action_high is None:
            return "−1 … 1"
        if self.first_choice is not None:
            return f"one of {self.first_choice} … {self.first_choice + len(self.action_low) - 1}"
        pairs = zip(self.action_low, self.action_high, strict=True)
        return ", ".join(dict.fromkeys(f"{low:g} … {high:g}" for low, high in pairs)).replace("-", "−")


@dataclass(frozen=True, config=LENIENT)
class PopulationRecord:
    """See :class:`~hw_profiles.activity.PopulationCounts`."""

    spikes: Count
    active_updates: Count
    idle_updates: Count


@dataclass(frozen=True, config=LENIENT)
class ActivityRecord:
    """See :class:`~hw_profiles.activity.ActivityCounts`."""

    synops: Count
    active_updates: Count
    idle_updates: Count
    spikes: Count
    time_steps: Count
    host_macs: Count
    by_population: dict[str, PopulationRecord]
    synops_by_target: dict[str, Count]


@dataclass(frozen=True, config=LENIENT)
class RunRecord:
    """The content of ``run.json``.

    Attributes
    ----------
    environment, backend, return_target
        The environment, the backend that ran the policy, and the raw return it was asked for.
    observation_size, action_size, context
        Widths of the policy, and the tokens of its window, where the program says.
    layout
        The tokens that a decision computed: a ``stream``'s newest token, or its whole ``window``.
    score, total_reward
        Normalised and raw, over episodes.
    activity
        Counts of the average decision.
    extremes
        The most extreme numbers of the program; none of a run of an earlier version, or of no program.
    network, raster
        Names of files in the run's folder; a run of no program has neither.
    stages
        Scores through the conversion, where they were measured.
    command
        The command that made the run.
    provenance
        The policy's name, hashes of its files, versions.
    protocol
        How the policy was trained; a run of an earlier release does not say.
    samples
        Whether each episode is a sample given to a network, and its score 100 where the class is right.
    """

    format: int
    environment: str
    backend: str
    return_target: Finite
    observation_size: Annotated[int, Field(ge=1)]
    action_size: Annotated[int, Field(ge=1)]
    context: Annotated[int, Field(ge=1)] | None
    layout: ContextLayout
    episodes: Annotated[tuple[EpisodeRecord, ...], Field(min_length=1)]
    score: Mean
    total_reward: Annotated[Mean, Field(alias="return")]
    decisions: Annotated[int, Field(ge=1)]
    activity: ActivityRecord
    layers: tuple[LayerRecord, ...]
    network: str | None
    raster: str | None
    stages: StagesRecord | None
    command: str
    provenance: dict[str, str]
    extremes: tuple[Extreme, ...] = ()
    protocol: ProtocolRecord | None = None
    samples: bool = False

    @property
    def counts(self) -> ActivityCounts:
        """The activity in the words of an energy estimate."""
        activity = self.activity
        return ActivityCounts(
            synops=activity.synops,
            active_updates=activity.active_updates,
            idle_updates=activity.idle_updates,
            spikes=activity.spikes,
            time_steps=activity.time_steps,
            host_macs=activity.host_macs,
            by_population={
                name: PopulationCounts(counts.spikes, counts.active_updates, counts.idle_updates)
                for name, counts in activity.by_population.items()
            },
            synops_by_target=dict(activity.synops_by_target),
        )


def record_path(run: str | Path) -> Path:
    """The record of a run given as its folder or as the record itself.

    Raises
    ------
    UserError
        There is none.
    """
    path = Path(run).expanduser()
    record = path / RECORD if path.is_dir() else path
    if not record.is_file():
        raise UserError(f"no run at {run}: give a folder that dsf-run wrote (it holds {RECORD})")
    return record


def load_record(record: Path) -> RunRecord:
    """Read ``run.json``.

    Raises
    ------
    UserError
        The file is not JSON, not the record of a run or of another version, or a value in it is missing or wrong.
    """
    require_readable(record, f"no run at {record}")
    try:
        document = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{record} is not readable JSON: {first_line(error)}") from error
    if not isinstance(document, dict) or "activity" not in document:
        raise UserError(f"{record} is not the record of a run: it has no activity")
    if document.get("format") != FORMAT:
        raise UserError(
            f"{record} has format {document.get('format')} and this version reads {FORMAT}: run the policy again"
            f"{if_newer(document.get('format'), FORMAT)}"
        )
    try:
        run = TypeAdapter(RunRecord).validate_python(document)
    except ValidationError as error:
        raise UserError(f"{record}: {first_problem(error)}") from error
    require_intact(document, str(record), "run the policy again")
    return run
