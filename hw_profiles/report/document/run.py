"""The run itself: its task, its scores, and those of the stages of its policy's conversion."""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.report.document.ranges import Interval


@dataclass(frozen=True)
class Task:
    """The policy and its episodes, and how well they went.

    Attributes
    ----------
    environment, policy, backend
        Their names.
    seeds
        Seeds of the episodes, in order.
    decisions
        Number of decisions in all episodes together.
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
class ReportedProtocol:
    """How the policy was trained, and is to be run.

    Attributes
    ----------
    return_scale
        Divides a return-to-go before the network gets it.
    delayed_reward
        Whether all reward came with the last step.
    input_clip
        Deviations from the mean at which an observation's entry is clipped; None where none is.
    action_low, action_high
        What −1 … 1 stands for, in the environment's own unit; None where it is not known to be anything else.
    first_choice
        Where an action is one of several whole numbers, the first of them.
    data_notes
        A sentence for everything that was doubtful about the training data.
    """

    return_scale: float
    delayed_reward: bool
    input_clip: float | None
    action_low: tuple[float, ...] | None
    action_high: tuple[float, ...] | None
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
