"""Training from Python: an environment, episodes in memory, and the options of `dsf-train` as keyword arguments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium

from dsf_train.datasets.in_memory import Episodes, dataset_path
from dsf_train.run_options import pairs_of, training_config
from dsf_train.trainer import TrainingResult
from dsf_train.trainer import train as train_by_configuration
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.environments.registered import name_of


def train(
    environment: str | gymnasium.Env[Any, Any],
    dataset: str | Path | Episodes | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    **options: Any,
) -> TrainingResult:
    """Train a policy; writes ``runs/<environment>/<name>/``, as `dsf-train` does.

    Parameters
    ----------
    environment
        A name that `dsf-data list` shows, an id that is registered with Gymnasium, or an environment that
        `gymnasium.make` made. Evaluation makes more of it by its id.
    dataset
        A file, a Minari folder, a Minari dataset, or episodes: objects or mappings with ``observations`` (n or n + 1,
        obs), ``actions`` (n, act) in the environment's own unit, and ``rewards`` (n,). None is the environment's own.
    resume, overwrite
        Go on with a run that was killed, or replace one.
    options
        The options that ``dsf-train --help`` lists; those of the model as a mapping, ``model={"blocks": 1}``.

    Returns
    -------
    TrainingResult
        The file of the policy, and its scores.

    Raises
    ------
    UserError
        An option, the environment or the dataset is not usable.
    """
    spec = load_environment_spec(environment if isinstance(environment, str) else name_of(environment))
    named: Mapping[str, Any] = {"env": spec.name, **options}
    if dataset is not None:
        named = {**named, "dataset": str(dataset_path(dataset, spec))}
    return train_by_configuration(training_config(pairs_of(named)), resume=resume, overwrite=overwrite)
