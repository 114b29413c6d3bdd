"""The whole report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hw_profiles.report.document.activity import LayerRate, Raster
from hw_profiles.report.document.answers import Baseline, ProfileAnswer
from hw_profiles.report.document.context import Assumption, ParetoFrontAnswer, ReportedAnchor, ReportedBreakEven
from hw_profiles.report.document.run import ReportedStages, Task
from hw_profiles.run_record import ProtocolRecord

FORMAT = 1


@dataclass(frozen=True)
class Report:
    """Everything that is said of one run.

    Attributes
    ----------
    protocol
        None of a run of an earlier release.
    main_profile
        Name of the profile whose figures stand at the top.
    front
        None where no front of the task has been measured.
    spikes_per_synapse, break_even
        Spikes that the average synapse passed in a decision, and the published points beside it.
    anchors
        Measured workloads of the profiles' hardware.
    notes
        A sentence for each thing that could not be told of this run, with the reason.
    command
        The command that made the run; empty where the run does not say.
    versions
        Versions of the software that made the run, and hashes of its files.
    """

    title: str
    task: Task
    protocol: ProtocolRecord | None
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

    @property
    def of_program(self) -> bool:
        """Whether it ran a program in Loihi's integers, whose idle neurons are stepped too."""
        return self.spikes_per_synapse is not None

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"format": FORMAT, **asdict(self)}
