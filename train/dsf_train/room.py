"""The memory and threads that a training run needs at least, told before it begins."""

from __future__ import annotations

import os

import numpy as np

from dsf_common.errors import UserError
from dsf_common.memory import require_memory
from dsf_models import distributed
from dsf_train.configuration import TrainConfig
from neuro_runtime.environments import EnvironmentSpec
from neuro_runtime.environments.make import require_memory_for

MOST_THREADS = 1024  # where a machine has no more processors: PyTorch starts as many as it is told, or ends the process


def require_room(config: TrainConfig, spec: EnvironmentSpec) -> None:
    """Refuse numbers of a run that this machine cannot hold.

    Parameters
    ----------
    spec
        The run's environment.

    Raises
    ------
    UserError
        A batch, the model's weights or the environments of an evaluation take more memory than there is, or there are
        more threads than processors anywhere.
    """
    most = max(MOST_THREADS, os.cpu_count() or 1)
    if config.threads > most:
        raise UserError(f"threads={config.threads} is more than the {most} that can run at once; choose fewer.")
    number = np.dtype(np.float32).itemsize
    model = config.model
    matrices = model.blocks - 1  # an MLP's first one is narrower
    require_memory(
        number * matrices * model.embedding_size**2,
        f"model.blocks={model.blocks} with model.embedding_size={model.embedding_size}",
    )
    tokens = 1 if model.kind.learns_values else model.context
    token = spec.observation_size + 2 * spec.action_size + 1  # the action before it and its own, and the return-to-go
    require_memory(
        number * config.batch_size // distributed.processes() * tokens * token,
        f"batch_size={config.batch_size} with model.context={model.context}",
    )
    require_memory_for(config.final_episodes)
    require_memory_for(config.evaluation_episodes if config.evaluate_every else 0)
