"""Carrying runs out: one after another, or side by side on Ray; what has finished is not repeated."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from dsf_common.errors import UserError
from dsf_common.progress import Progress
from dsf_train.bench.outcome import outcome_of
from dsf_train.configuration import TrainConfig
from dsf_train.run_folder import RunFolder
from dsf_train.trainer import train

Work = Callable[[TrainConfig], None]

_log = logging.getLogger(__name__)


def finish(config: TrainConfig) -> None:
    """Train a run, from its checkpoint where it was killed; do nothing where it has finished."""
    if outcome_of(config) is None:
        train(config, resume=RunFolder.of(config).config.exists())


def carry_out(configs: Sequence[TrainConfig], work: Work, workers: int, cluster: str | None) -> None:
    """Do ``work`` for every run.

    Parameters
    ----------
    workers
        1 works in this process, run after run; more is so many processes of Ray on this machine, at most one a run; 0
        is as many as it has cores if Ray is installed, else 1.
    cluster
        Address of a Ray cluster instead, whose machines share the folder of the runs.

    Raises
    ------
    UserError
        Ray is wanted and not installed, or the cluster is not there; or what a run says.
    """
    has_ray = find_spec("ray") is not None
    if cluster is None and (workers == 1 or (workers == 0 and not has_ray)):
        with Progress(len(configs), "runs", "run") as progress:
            for config in configs:
                work(config)
                progress.update()
        return
    if not has_ray:
        raise UserError("several workers need Ray: pip install 'decision-spikeformer[cluster]', or pass workers=1")
    _on_ray(configs, work, min(workers, len(configs)) or None, cluster)


# Ray's switch for desktops: as 0 its processes listen on the loopback interface, where on Linux they would on all.
LOOPBACK_ALONE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


def _on_ray(configs: Sequence[TrainConfig], work: Work, workers: int | None, cluster: str | None) -> None:
    """One task a run, of one core; Ray tries a task again whose process was lost, and it resumes then."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    if cluster is None:
        os.environ.setdefault(LOOPBACK_ALONE, "0")
    ray: Any = import_module("ray")
    try:
        ray.init(
            address=cluster,
            num_cpus=None if cluster else workers,
            include_dashboard=None if cluster else False,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, ValueError) as problem:
        raise UserError(f"there is no Ray cluster at {cluster} ({problem})") from problem
    try:
        task = ray.remote(num_cpus=1)(_do)
        waiting = [task.remote(work, config) for config in configs]
        with Progress(len(waiting), "runs", "run") as progress:
            while waiting:
                done, waiting = ray.wait(waiting)
                _raise_plainly(ray, done[0])
                progress.update()
    finally:
        ray.shutdown()


def _do(work: Work, config: TrainConfig) -> None:
    """One task."""
    work(config)


def _raise_plainly(ray: Any, done: Any) -> None:
    """The error of a task, as it raised it."""
    try:
        ray.get(done)
    except ray.exceptions.RayTaskError as problem:
        raise problem.cause from problem
