"""The options that ``dsf-run`` takes as ``key=value`` pairs."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsf_common.errors import UserError
from hw_profiles.main_profile import MAIN_PROFILE

DEFAULT_PROFILES = (MAIN_PROFILE, "cmos45-paper")  # that price a run


@dataclass
class RunConfiguration:
    """The options that ``dsf-run`` takes as ``key=value`` pairs."""

    env: str | None = field(default=None, metadata={"help": "environment (default: the one the policy is for)"})
    policy: str | None = field(
        default=None,
        metadata={"help": "model.pt, program .dsf.h5, their folder, or a shipped policy (default: the one for env)"},
    )
    input: str | None = field(
        default=None, metadata={"help": "samples in an .npz file for a network that is given them, instead of env="}
    )
    episodes: int = field(default=1, metadata={"help": "episodes to run"})
    seed: int = field(default=0, metadata={"help": "seed of the first episode; the next has seed + 1"})
    lanes: int | None = field(
        default=None,
        metadata={"help": "environments to step at once on a backend that can (default: one an episode, at most 32)"},
    )
    return_target: float | None = field(
        default=None, metadata={"help": "raw return to ask for (default: the policy's own)"}
    )
    delayed_reward: bool | None = field(
        default=None, metadata={"help": "pay the whole return with the last step (default: as the policy was trained)"}
    )
    out: str | None = field(default=None, metadata={"help": "folder to save in (default: a new one in runs/<env>/)"})

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise UserError(f"episodes must be at least 1, got {self.episodes}")
        if self.lanes is not None and self.lanes < 1:
            raise UserError(f"lanes must be at least 1, got {self.lanes}")
        if self.seed < 0:
            raise UserError(f"seed must not be negative, got {self.seed}")
