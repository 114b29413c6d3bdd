"""How long a grid will take: a few steps of each row, measured on this machine before the first run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dsf_models import PolicyNetwork, make_model
from dsf_models.checkpoint import Normalisation
from dsf_models.kernels.accelerate import accelerate
from dsf_models.mlp import MlpPolicy
from dsf_train.bench.outcome import outcome_of
from dsf_train.configuration import TrainConfig
from dsf_train.datasets import Columns
from dsf_train.evaluation import asked_returns
from dsf_train.sampling import Batch
from dsf_train.trainer import update
from dsf_train.training_state import make_optimiser
from dsf_train.value_learning.learner import ValueLearner, require_d3rlpy
from dsf_train.value_learning.transitions import Transitions
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec, make_environment
from neuro_runtime.environments.closing import closing

MEASURED_STEPS, MEASURED_DECISIONS = 3, 20
DEVICE = "cpu"


@dataclass(frozen=True)
class Duration:
    """The rest of a grid.

    Attributes
    ----------
    runs
        How many.
    seconds
        Of all of them, one after another; episodes are counted to their time limit, so it is the most they take.
    """

    runs: int
    seconds: float

    def text(self, at_once: int) -> str:
        """A sentence for a person, for so many runs at once."""
        if not self.runs:
            return "nothing is left to run"
        several = f", {at_once} at a time" if at_once > 1 else ""
        return (
            f"{self.runs} run{'s' if self.runs > 1 else ''} left{several}: at most about "
            f"{_spoken(self.seconds / at_once)} on this machine, by measured steps"
        )


def duration_of(configs: Sequence[TrainConfig]) -> Duration | None:
    """The duration of the runs that have not finished; None where they are not the CPU's.

    One run of each environment, model and size of batch is measured, since seeds cost alike.
    """
    left = [config for config in configs if outcome_of(config) is None]
    if any(config.device != DEVICE for config in left):
        return None
    seconds: dict[str, float] = {}
    total = 0.0
    for config in left:
        alike = repr(replace(config, seed=0, name="", dataset=None))
        if alike not in seconds:
            seconds[alike] = _seconds(config)
        total += seconds[alike]
    return Duration(len(left), total)


def _seconds(config: TrainConfig) -> float:
    """Seconds of one run from its first step on: its training and its last evaluation."""
    spec = load_environment_spec(config.env)
    torch.manual_seed(0)
    model = make_model(config.model, spec.observation_size, spec.action_size)
    return config.steps * _median(_training_step(config, model, spec)) + _evaluation(config, model, spec)


def _training_step(config: TrainConfig, model: PolicyNetwork, spec: EnvironmentSpec) -> Callable[[], object]:
    if config.model.kind.learns_values:
        require_d3rlpy(config.model.kind)
        assert isinstance(model, MlpPolicy)
        learner = ValueLearner(config, model, _drawn_transitions(spec), torch.device(DEVICE))
        return lambda: learner.update(0)
    form, optimiser, batch = accelerate(model.train()), make_optimiser(model, config), _drawn_batch(config, spec)
    return lambda: update(form, optimiser, batch, config.gradient_clip, None)


def _evaluation(config: TrainConfig, model: PolicyNetwork, spec: EnvironmentSpec) -> float:
    """Seconds of all return targets: a forward pass a decision for all episodes, and an environment step for each."""
    tokens = model.tokens_seen
    batch = _drawn_batch(replace(config, batch_size=config.final_episodes), spec)
    given = [part[:, -tokens:] for part in (batch.states, batch.previous_actions, batch.returns_to_go, batch.mask)]
    model.eval()
    with torch.no_grad():
        decision = _median(lambda: model(*given))
    targets = max(len(asked_returns(config.model.kind, spec)), 1)
    return targets * spec.time_limit * (decision + config.final_episodes * _environment_step(spec))


def _environment_step(spec: EnvironmentSpec) -> float:
    environment = make_environment(spec.name)
    with closing(environment):
        environment.reset(seed=0)
        began = time.perf_counter()
        for _ in range(MEASURED_DECISIONS):
            _, _, ended, cut, _ = environment.step(np.zeros(spec.action_size))
            if ended or cut:
                environment.reset(seed=0)
        return (time.perf_counter() - began) / MEASURED_DECISIONS


def _median(call: Callable[[], object]) -> float:
    """Seconds of a call, without the first, which warms up."""
    seconds = []
    for _ in range(1 + MEASURED_STEPS):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds[1:]))


def _drawn_batch(config: TrainConfig, spec: EnvironmentSpec) -> Batch:
    """Windows of noise of the run's shape."""
    shape = (config.batch_size, config.model.context)

    def drawn(width: int) -> Tensor:
        return torch.rand(*shape, width) * 2 - 1

    steps = torch.arange(config.model.context).expand(shape)
    return Batch(
        drawn(spec.observation_size),
        drawn(spec.action_size),
        drawn(1),
        drawn(spec.action_size),
        torch.ones(shape, dtype=torch.bool),
        steps,
    )


def _drawn_transitions(spec: EnvironmentSpec) -> Transitions:
    """Transitions of noise of the environment's widths."""
    steps, width = 256, spec.observation_size
    random = np.random.default_rng(0)
    noise = Columns(
        observations=random.normal(size=(steps, width)).astype(np.float32),
        actions=random.uniform(-1, 1, size=(steps, spec.action_size)).astype(np.float32),
        returns_to_go=random.normal(size=steps),
        ends=np.array([steps]),
        finished=np.array([True]),
        state_moments=np.stack([np.zeros(width), np.ones(width)]),
        state_range=np.zeros((2, width)),
    )
    return Transitions(noise, Normalisation(np.zeros(width, np.float32), np.ones(width, np.float32), 1.0), steps + 1)


def _spoken(seconds: float) -> str:
    """Hours and minutes, or seconds where it is less than two minutes."""
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
