"""The training loop: one batch from the dataset to the weight update, top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from dsf_common.errors import UserError
from dsf_common.progress import Progress
from dsf_models import DSFormer, PolicyNetwork, distributed
from dsf_models.checkpoint import save_model_file
from dsf_models.kernels.accelerate import accelerate
from dsf_models.normalisation import set_blend
from dsf_models.policy_network import Spikes
from dsf_train.compiled_step import CompiledObjective, Objective, PaidSpikes, real_tokens
from dsf_train.configuration import TrainConfig
from dsf_train.evaluation import Scores, asked_returns, evaluate
from dsf_train.finite_training import FiniteWatch
from dsf_train.firing import FiringWatch, firing_rates
from dsf_train.firing_rate_initialisation import raise_firing_rates
from dsf_train.qat.gain import Gain, gain_metrics, measure_gains
from dsf_train.qat.start import choice_batch
from dsf_train.run_folder import Metrics
from dsf_train.sampling import Batch
from dsf_train.schedule import norm_blend, seed_dropout, set_learning_rate
from dsf_train.training_state import TrainingState, firing_rate_batch, prepare
from dsf_train.value_learning.learner import ValueLearner
from dsf_train.waiting import giving_way


@dataclass(frozen=True)
class TrainingResult:
    """The outcome of a finished run."""

    model_file: Path
    scores: tuple[Scores, ...]  # one for each return target
    gains: tuple[Gain, ...] = ()  # of a fine-tuning, likewise


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers too small for full precision count as 0 within: sums over them would be many times slower.

    It is a mode of the processor, so whoever calls the trainer gets it back as it is by default.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@denormals_flushed()
def train(config: TrainConfig, resume: bool = False, overwrite: bool = False) -> TrainingResult:
    """Train a policy, writing ``runs/<env>/<name>/``; killed and resumed, it ends with the same weights.

    With ``quantise`` it goes on with a trained policy: its normalisation, its dimensions, and its weights, which every
    forward pass rounds to Loihi's (`dsf_train.qat`).

    Every random choice depends on (seed, step) alone: the batch of a step, the initial weights, the evaluation
    episodes. So the checkpoint needs weights, optimiser state and the step, and nothing else.

    Processes that `torchrun` started and `dsf_models.distributed` joined share each batch; the first writes and
    evaluates.

    Raises
    ------
    UserError
        The configuration, the dataset or the run folder is not usable, or a loss, gradient or weight is not finite;
        the message says what to do.
    """
    with ExitStack() as held:
        state = prepare(config, resume, overwrite, held)
        held.enter_context(giving_way())
        return _learn_values(state, state.learner) if state.learner else _train(state)


def _train(state: TrainingState) -> TrainingResult:
    """All steps that are left."""
    config, model = state.config, state.model
    first, watch, finite = distributed.is_first(), FiringWatch(), FiniteWatch(config, model)
    objective, form = _step_form(state)
    with state.folder.metrics(state.first_step, first) as metrics, _progress(state) as progress:
        for step, batch in _batches(state):
            set_learning_rate(state.optimiser, config, step)
            set_blend(model, norm_blend(config, step))
            seed_dropout(config.seed, step)

            done = step + 1
            recorded = _due(done, config.log_every, config.steps)
            spikes: Spikes = {}
            seen = spikes if recorded or state.cost.is_paid else None
            loss, gradient_norm = update(
                form, state.optimiser, batch, config.gradient_clip, seen, state.cost, objective
            )

            finite.see(done, batch, loss, gradient_norm)
            progress.update()
            if recorded or _due(done, config.checkpoint_every, config.steps):
                finite.require(done, batch)
            if recorded:
                spikes = real_tokens(spikes, batch.mask) if state.compiled else spikes
                postfix = _record(state, metrics, watch, done, batch, spikes, loss, gradient_norm)
                progress.say(postfix)
                if config.homeostasis_rate and watch.silent and done < config.steps and isinstance(model, DSFormer):
                    firing_batch = firing_rate_batch(config, state.windows, done).to(state.device)
                    raise_firing_rates(model, firing_batch, config.homeostasis_rate)
            if first and config.evaluate_every and done % config.evaluate_every == 0 and done < config.steps:
                _evaluate_on_the_way(state, metrics, done)
            if first and _due(done, config.checkpoint_every, config.steps):
                state.save_checkpoint(done)
        return _finish(state, metrics) if first else TrainingResult(state.folder.model, ())


def _learn_values(state: TrainingState, learner: ValueLearner) -> TrainingResult:
    """All steps that are left, for a kind whose updates are a learner's."""
    config = state.config
    with state.folder.metrics(state.first_step) as metrics, _progress(state) as progress:
        for step in range(state.first_step, config.steps):
            seed_dropout(config.seed, step)  # of all that an update draws
            losses = learner.update(step)
            done = step + 1
            progress.update()
            if _due(done, config.log_every, config.steps):
                metrics.write(done, losses)
                progress.say({"critic_loss": f"{losses['critic_loss']:.4f}"})
            evaluated = config.evaluate_every and done % config.evaluate_every == 0 and done < config.steps
            if evaluated or _due(done, config.checkpoint_every, config.steps):
                learner.give_policy()
                state.save_checkpoint(done)
            if evaluated:
                _evaluate_on_the_way(state, metrics, done)
        return _finish(state, metrics)


def _step_form(state: TrainingState) -> tuple[Objective, PolicyNetwork]:
    """How a step computes the loss: by `torch.compile`, or by kernels that a twin of the model goes through."""
    if state.compiled:
        return CompiledObjective(action_loss, state.config.precision, state.device), state.model
    return loss_and_cost, accelerate(state.model)


def _batches(state: TrainingState) -> Iterator[tuple[int, Batch]]:
    """Each step that is left, with this process's part of its batch on the device."""
    config = state.config
    steps, part = range(state.first_step, config.steps), distributed.own_part(config.batch_size)
    pinned = state.device.type == "cuda"
    for step, batch in state.windows.ahead(config.seed, steps, config.batch_size, part, config.raised_returns, pinned):
        yield step, batch.to(state.device)


def _due(done: int, every: int, last: int) -> bool:
    return done % every == 0 or done == last


def loss_and_cost(
    model: PolicyNetwork, batch: Batch, spikes: Spikes | None, spike_cost: PaidSpikes
) -> tuple[Tensor, Tensor]:
    """The loss, and what is descended: the loss with what the spikes cost, if they are recorded."""
    loss = action_loss(model, batch, spikes)
    return loss, loss if spikes is None else loss + spike_cost(spikes, batch.mask)


def update(
    model: PolicyNetwork,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    gradient_clip: float,
    spikes: Spikes | None,
    spike_cost: PaidSpikes = lambda spikes, mask: 0.0,
    objective: Objective = loss_and_cost,
) -> tuple[Tensor, Tensor]:
    """One step of gradient descent: the loss before it, and the norm of the gradient before clipping.

    Parameters
    ----------
    spikes
        Where given, receives every layer's; a step without takes less time.
    spike_cost
        The cost of the spikes of the batch's real tokens, in the loss's units; it is paid beside the loss.
    objective
        :func:`loss_and_cost`, or its compiled form.
    """
    optimiser.zero_grad(set_to_none=True)
    loss, paid = objective(model, batch, spikes, spike_cost)
    share = distributed.own_share(batch.mask)  # 1 where one process trains
    torch.autograd.backward(paid * share)
    parameters = optimiser.param_groups[0]["params"]  # all of the model's, without a walk through its modules
    distributed.add_up_gradients(parameters)
    gradient_norm = clip_grad_norm_(parameters, gradient_clip, foreach=True)
    optimiser.step()
    return loss, gradient_norm


def action_loss(model: PolicyNetwork, batch: Batch, spikes: Spikes | None) -> Tensor:
    """Mean squared error of the actions over real tokens."""
    predicted = model(
        batch.states, batch.previous_actions, batch.returns_to_go, batch.mask, spikes=spikes, steps=batch.steps
    )
    squared = (predicted - batch.actions).square().mean(dim=-1)
    loss: Tensor = (squared * batch.mask).sum() / batch.mask.sum()
    return loss


def _record(
    state: TrainingState,
    metrics: Metrics,
    watch: FiringWatch,
    done: int,
    batch: Batch,
    spikes: Spikes,
    loss: Tensor,
    gradient_norm: Tensor,
) -> dict[str, str]:
    """Write a step's numbers, means over the tokens of all processes, and return what the progress bar shows."""
    share = distributed.own_share(batch.mask)
    rates = distributed.mean_over_tokens(firing_rates(spikes), share)
    useless = watch.check(done, rates)
    means = distributed.mean_over_tokens({"loss": loss.item(), **state.cost.metrics(spikes, batch.mask)}, share)
    metrics.write(done, {**means, "gradient_norm": float(gradient_norm)})
    if rates:
        metrics.write(done, {f"firing/{name}": rate for name, rate in rates.items()})
        metrics.write(done, {"useless_layers": sorted(useless)})
    firing = {"firing": f"{sum(rates.values()) / len(rates):.1%}"} if rates else {}
    return {"loss": f"{means['loss']:.4f}", **firing}


def _evaluate_on_the_way(state: TrainingState, metrics: Metrics, done: int) -> None:
    """Score the policy as it is; where that fails, what was trained is kept."""
    try:
        for scores in _evaluate_all(state, state.config.evaluation_episodes):
            metrics.write(done, score_metrics(scores))
    except UserError as problem:
        state.save_checkpoint(done)
        raise UserError(f"{problem}; step {done} is saved, and --resume goes on after this evaluation") from problem


def _finish(state: TrainingState, metrics: Metrics) -> TrainingResult:
    """Write the policy, then score it: an evaluation that is killed or fails has lost no training."""
    config, policy = state.config, state.policy()
    save_model_file(state.folder.model, policy)
    try:
        final = tuple(_evaluate_all(state, config.final_episodes))
    except UserError as problem:
        raise UserError(f"{problem}; the trained policy is saved, {state.folder.model}") from problem
    for scores in final:
        metrics.write(config.steps, {f"final_{name}": value for name, value in score_metrics(scores).items()})
    gains: tuple[Gain, ...] = ()
    if state.start:
        gains = tuple(measure_gains(state.start, policy, final, choice_batch(config, state.windows)))
    for gain in gains:
        metrics.write(config.steps, gain_metrics(gain))
    return TrainingResult(state.folder.model, final, gains)


def _evaluate_all(state: TrainingState, episodes: int) -> Iterator[Scores]:
    """Scores of each return target on its own."""
    policy, spec = state.policy(), state.spec
    for target in asked_returns(policy.model.config.kind, spec):
        title = f"evaluate, return {target:g}"
        with Progress(spec.time_limit, title, "step") as progress:
            yield evaluate(policy, spec, target, episodes, on_step=progress.update)
    state.model.train()


def score_metrics(scores: Scores) -> dict[str, float]:
    """A return target's scores as metrics."""
    prefix = f"score/{scores.return_target:g}"
    return {f"{prefix}/mean": scores.mean, f"{prefix}/standard_error": scores.standard_error}


def _progress(state: TrainingState) -> Progress:
    hidden = not distributed.is_first()
    return Progress(state.config.steps, f"train {state.config.env}", "step", state.first_step, hidden)
