"""What a report says, as a tree of plain values. ``report.json`` is this tree, and the page shows nothing else.

Energies are in pJ and times in µs throughout; both are those of an average decision.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hw_profiles.network import ContextLayout
from hw_profiles.pareto_front import ParetoFront

FORMAT = 1


@dataclass(frozen=True)
class Band:
    """A nominal value between the lowest and the highest that the evidence allows."""

    nominal: float
    low: float
    high: float

    @property
    def is_exact(self) -> bool:
        """Whether the evidence gives one value only."""
        return self.low == self.high


@dataclass(frozen=True)
class Interval:
    """A mean over episodes and its 95 % confidence interval, which a single episode has none of."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Task:
    """What was run, and how well it did.

    Attributes
    ----------
    environment, policy, backend
        Their names.
    seeds
        Of the episodes, in order.
    decisions
        Of all episodes together.
    return_target
        The raw return that the policy was asked for.
    score
        Normalised: 0 a random policy, 100 the reference.
    total_reward
        Raw return of an episode.
    """

    environment: str
    policy: str
    backend: str
    seeds: tuple[int, ...]
    decisions: int
    return_target: float
    score: Interval
    total_reward: Interval


@dataclass(frozen=True)
class Cost:
    """Energy with the name of what it is spent on: a term, a layer, or a term of a layer."""

    name: str
    energy: Band


@dataclass(frozen=True)
class LayerCost:
    """A layer's energy and its terms; what belongs to no layer (static power, the host) is a layer of its own."""

    name: str
    energy: Band
    terms: tuple[Cost, ...]


@dataclass(frozen=True)
class PricedCount:
    """One line of the account: so many events at so much each, and how that is known."""

    term: str
    layer: str | None
    count: float
    each: Band
    energy: Band
    grade: str
    source: str


@dataclass(frozen=True)
class EnergyAccount:
    """Energy of a decision, by term, by layer, and line by line."""

    total: Band
    terms: tuple[Cost, ...]
    layers: tuple[LayerCost, ...]
    lines: tuple[PricedCount, ...]
    not_counted: tuple[str, ...]


@dataclass(frozen=True)
class ReportedStep:
    """A time step's length, and the term it waits for."""

    step: int
    length: Band
    binding: str


@dataclass(frozen=True)
class TimeAccount:
    """How long a decision takes.

    Attributes
    ----------
    fall_through
        From the token to the action.
    pipelined
        Between two actions, when the next token enters before the last has left.
    binding
        What most of the time steps wait for.
    steps
        Time step by time step.
    assumptions, not_counted
        What sets the band beside the sum of the parts; events without a published time.
    """

    fall_through: Band
    pipelined: Band
    binding: str
    steps: tuple[ReportedStep, ...]
    assumptions: tuple[str, ...]
    not_counted: tuple[str, ...]


@dataclass(frozen=True)
class ReportedResource:
    """How much of one of a core's resources a layer's fullest core uses; a chip may state no limit."""

    name: str
    used: float
    limit: float | None
    binding: bool

    @property
    def share(self) -> float | None:
        """Used share of the limit, 0 … 1."""
        return self.used / self.limit if self.limit else None


@dataclass(frozen=True)
class LayerPlace:
    """A layer on the chip; the binding resource is the one that decides how many cores it takes."""

    name: str
    cores: int
    neurons_per_core: float
    synapse_kilobytes: float
    axons_in: float
    axons_out: float
    resources: tuple[ReportedResource, ...]


@dataclass(frozen=True)
class CorePlace:
    """A core on the mesh. Columns and rows are those of cores, so that a tile is a square of them.

    Attributes
    ----------
    utilisation
        Share of its fullest resource, 0 … 1.
    traffic
        Messages that leave or reach it in a decision.
    """

    chip: int
    column: int
    row: int
    layers: tuple[str, ...]
    neurons: int
    utilisation: float
    fullest: str
    traffic: float


@dataclass(frozen=True)
class OperationPlace:
    """What one operation of the policy is on this chip, and why."""

    layer: str
    what: str
    kind: str
    count: float
    why: str


@dataclass(frozen=True)
class Placement:
    """The network on a chip."""

    cores: int
    chips: int
    boards: int
    relays: int
    layers: tuple[LayerPlace, ...]
    mesh: tuple[CorePlace, ...]
    operations: tuple[OperationPlace, ...]


@dataclass(frozen=True)
class LayoutAnswer:
    """One profile's answer for one layout of the context; without an account it says in a sentence why not.

    ``verdict`` compares it with the ANN baselines in a sentence, whichever way it comes out.
    """

    name: ContextLayout
    verdict: str
    energy: EnergyAccount | None
    time: TimeAccount | None
    placement: Placement | None
    refusal: str | None


@dataclass(frozen=True)
class ProfileAnswer:
    """A chip or a convention, and what it makes of the run."""

    name: str
    title: str
    kind: str
    about: str
    layouts: tuple[LayoutAnswer, ...]

    @property
    def first(self) -> LayoutAnswer:
        """The layout that was run."""
        return self.layouts[0]


@dataclass(frozen=True)
class Baseline:
    """The same decision by an ANN.

    Attributes
    ----------
    profile, title, short_title
        The processor, what runs on what, and that in few words.
    """

    profile: str
    title: str
    short_title: str
    energy: Band
    not_counted: tuple[str, ...]


@dataclass(frozen=True)
class LayerRate:
    """How much a layer fires: spikes a neuron and active time step (None where it cannot), and counts a decision."""

    name: str
    attention: bool
    firing_rate: float | None
    spikes: float
    synops: float


@dataclass(frozen=True)
class RasterLayer:
    """A layer's rows in the raster."""

    name: str
    attention: bool
    first_row: int
    size: int


@dataclass(frozen=True)
class Raster:
    """Every spike of one decision: ``rows[n]`` (a neuron) fired at time step ``steps[n]``."""

    seed: int
    decision: int
    time_steps: int
    layers: tuple[RasterLayer, ...]
    rows: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class ReportedStage:
    """The policy at one stage of its conversion, over the same episodes."""

    name: str
    what: str
    score: Interval


@dataclass(frozen=True)
class ReportedStages:
    """Scores through the conversion; ``difference`` is last − first, paired; ``note`` says what is missing, and why."""

    stages: tuple[ReportedStage, ...]
    difference: Interval | None
    note: str | None


@dataclass(frozen=True)
class OwnPlace:
    """The run itself, beside a front's points and by the front's profile.

    Attributes
    ----------
    events_pj
        Energy without what constant power takes, the axis of the front.
    """

    score: Interval
    synops: float
    energy_pj: float
    events_pj: float


@dataclass(frozen=True)
class ParetoFrontAnswer:
    """Where the run lies among policies of its task that were trained to spend more or less.

    Attributes
    ----------
    about
        What the front's points are, in words.
    own
        None where the front's profile cannot price the run.
    verdict
        Whether points of the front do as well for less; or why the run is not among them.
    """

    front: ParetoFront
    about: str
    own: OwnPlace | None
    verdict: str


@dataclass(frozen=True)
class ReportedBreakEven:
    """A published point beyond which spikes stop paying, and this run beside it.

    Attributes
    ----------
    authors, source
        Whose it is, where it stands, and what is compared.
    low, high, value
        The point, and what this run has, both in ``unit``.
    verdict
        On which side the run is, in words.
    """

    authors: str
    source: str
    low: float
    high: float
    value: float
    unit: str
    verdict: str


@dataclass(frozen=True)
class ReportedAnchor:
    """What others measured of a whole network, for scale."""

    title: str
    workload: str
    energy: Band
    grade: str
    source: str


@dataclass(frozen=True)
class Assumption:
    """A figure of a profile that an estimate rests on, with its evidence."""

    profile: str
    figure: str
    value: Band
    unit: str
    grade: str
    source: str


@dataclass(frozen=True)
class Report:
    """Everything that is said of one run.

    Attributes
    ----------
    main_profile
        Name of the profile whose figures stand at the top.
    front
        None where no front of the task has been measured.
    spikes_per_synapse, break_even
        Spikes that the average synapse passed in a decision, and the published points beside it.
    anchors
        Measured workloads of the profiles' hardware.
    notes
        What could not be told of this run, and why, a sentence each.
    command
        The command that made the run; empty where the run does not say.
    versions
        Of what made the run, and hashes of its files.
    """

    title: str
    task: Task
    main_profile: str
    profiles: tuple[ProfileAnswer, ...]
    baselines: tuple[Baseline, ...]
    rates: tuple[LayerRate, ...]
    raster: Raster | None
    stages: ReportedStages | None
    front: ParetoFrontAnswer | None
    spikes_per_synapse: float | None
    break_even: tuple[ReportedBreakEven, ...]
    anchors: tuple[ReportedAnchor, ...]
    assumptions: tuple[Assumption, ...]
    notes: tuple[str, ...]
    command: str
    versions: tuple[tuple[str, str], ...]

    @property
    def main(self) -> ProfileAnswer:
        """The profile whose figures stand at the top."""
        return next(profile for profile in self.profiles if profile.name == self.main_profile)

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"format": FORMAT, **asdict(self)}
