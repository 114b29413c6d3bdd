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
    samples
        Whether episodes are samples given to a network, and scores the share of right classes in per cent.
    """

    environment: str
    policy: str
    backend: str
    seeds: tuple[int, ...]
    decisions: int
    return_target: float
    score: Interval
    total_reward: Interval
    samples: bool = False


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
