"""Environments by the paper's names, with D4RL's rewards, terminations and time limits."""

from neuro_runtime.environments.make import make_environment
from neuro_runtime.environments.spec import (
    EnvironmentSpec,
    environment_names,
    load_environment_spec,
    normalised_score,
)

__all__ = ["EnvironmentSpec", "environment_names", "load_environment_spec", "make_environment", "normalised_score"]
