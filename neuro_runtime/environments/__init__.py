"""Environments by the paper's names, with D4RL's rewards, terminations and time limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuro_runtime.environments.spec import (
    EnvironmentSpec,
    environment_names,
    load_environment_spec,
    normalised_score,
)

if TYPE_CHECKING:
    from neuro_runtime.environments.make import make_environment

__all__ = ["EnvironmentSpec", "environment_names", "load_environment_spec", "make_environment", "normalised_score"]


def __getattr__(name: str) -> object:
    """Import what makes environments when it is first used, since it brings Gymnasium."""
    if name == "make_environment":
        from neuro_runtime.environments.make import make_environment

        return make_environment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
