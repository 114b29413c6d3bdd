"""The training loop: one batch from the dataset to the weight update, top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from hw_profiles.errors import UserError
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec
from neuro_runtime.files import atomic_write
from train import distributed
from train.checkpoint import Normalisation, PolicyModel, load_tensors, plain, save_model_file
from train.configuration import Schedule, TrainConfig
from train.datasets import open_dataset
from train.evaluation import Scores, evaluate
from train.firing import FiringWatch, firing_rates
from train.memory import keep_freed_memory
from train.model import DSFormer, PolicyNetwork, make_model
from train.model.fold import refuse_without_program
from train.model.normalisation import set_blend
from train.quantised.gain import Gain, gain_metrics, measure_gains
from train.quantised.model import QuantisedDSFormer
from train.quantised.start import choice_batch, quantised_start, starting_policy
from train.run_folder import RunFolder
from train.sampling import Batch, TokenWindows, normalisation_of
from train.spike_cost import spike_cost
from train.synops import synop_count
from train.waking import WINDOWS, wake


@dataclass(frozen=True)
class TrainingResult:
    """What a finished run leaves."""

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
    forward pass rounds to Loihi's (`train.quantised`).

    Every random choice depends on (seed, step) alone: the batch of a step, the initial weights, the evaluation
    episodes. So the checkpoint needs weights, optimiser state and the step, and nothing else.

    Processes that `torchrun` started and `train.distributed` joined share each batch; the first writes and evaluates.

    Raises
    ------
    UserError
        The configuration, the dataset or the run folder is not usable; the message says what to do.
    """
    config.validate()
    spec = load_environment_spec(config.env)
    start = starting_policy(config) if config.quantise else None
    if (config.synop_price or config.energy_price) and not start:
        refuse_without_program(config.model)
    config = replace(config, model=start.model.config, delayed_reward=start.delayed_reward) if start else config
    part, writes = distributed.own_part(config.batch_size), distributed.is_first()
    with distributed.first_one_first():
        dataset = open_dataset(spec, Path(config.dataset) if config.dataset else None)
        folder = RunFolder.open(config, resume or not writes, overwrite and writes)
    _prepare_torch(config)

    normalisation = start.normalisation if start else normalisation_of(dataset, spec.return_scale)
    windows = TokenWindows(dataset, normalisation, config.model.context, config.delayed_reward)
    device = distributed.own_device(config.device)
    sizes = dataset.observations.shape[1], dataset.actions.shape[1]
    model = quantised_start(start, config, windows) if start else make_model(config.model, *sizes)
    model.to(device)
    if isinstance(model, DSFormer) and config.initial_rate:
        set_blend(model, norm_blend(config, 0))
        wake(model, windows.batch(config.seed, config.steps, WINDOWS).to(device), config.initial_rate)
    distributed.start_alike(model)
    optimiser = make_optimiser(model, config)
    first_step = _load_checkpoint(folder.checkpoint, model, optimiser) if resume else 0
    watch, cost = FiringWatch(), spike_cost(config, synop_count(model))

    with folder.metrics(first_step, writes) as metrics, _progress(config, first_step) as progress:
        steps = range(first_step, config.steps)
        for step, batch in windows.ahead(config.seed, steps, config.batch_size, part, config.raised_returns):
            set_learning_rate(optimiser, config, step)
            set_blend(model, norm_blend(config, step))
            seed_dropout(config.seed, step)

            batch = batch.to(device)
            spikes: dict[str, Tensor] = {}
            loss, gradient_norm = update(model, optimiser, batch, config.gradient_clip, spikes, cost)

            done = step + 1
            progress.update()
            if done % config.log_every == 0 or done == config.steps:
                share = distributed.own_share(batch.mask)
                rates = distributed.mean_over_tokens(firing_rates(spikes), share)
                useless = watch.check(done, rates)
                paid_for = cost.metrics(spikes, batch.mask)
                means = distributed.mean_over_tokens({"loss": loss.item(), **paid_for}, share)
                progress.set_postfix(_postfix(means["loss"], rates))
                metrics.write(done, {**means, "gradient_norm": float(gradient_norm)})
                if rates:
                    metrics.write(done, {f"firing/{name}": rate for name, rate in rates.items()})
                    metrics.write(done, {"useless_layers": sorted(useless)})
            if writes and config.evaluate_every and done % config.evaluate_every == 0 and done < config.steps:
                for scores in _evaluate_all(config, spec, model, normalisation, config.evaluation_episodes):
                    metrics.write(done, score_metrics(scores))
            if writes and (done % config.checkpoint_every == 0 or done == config.steps):
                _save_checkpoint(folder.checkpoint, model, optimiser, done)

        if not writes:
            return TrainingResult(folder.model, ())
        policy = _policy(config, spec, model, normalisation)
        save_model_file(folder.model, policy)
        final = tuple(_evaluate_all(config, spec, model, normalisation, config.final_episodes))
        for scores in final:
            metrics.write(config.steps, {f"final_{name}": value for name, value in score_metrics(scores).items()})
        gains = tuple(measure_gains(start, policy, final, choice_batch(config, windows))) if start else ()
        for gain in gains:
            metrics.write(config.steps, gain_metrics(gain))
    return TrainingResult(folder.model, final, gains)


def make_optimiser(model: PolicyNetwork, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW over all parameters; fused, which is one call instead of a dozen a parameter."""
    return torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def update(
    model: PolicyNetwork,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    gradient_clip: float,
    spikes: dict[str, Tensor],
    spike_cost: Callable[[dict[str, Tensor], Tensor], Tensor | float] = lambda spikes, mask: 0.0,
) -> tuple[Tensor, Tensor]:
    """One step of gradient descent: the loss before it, and the norm of the gradient before clipping.

    Parameters
    ----------
    spike_cost
        What the spikes of the batch's real tokens cost, in units of the loss; it is paid beside the loss.
    """
    loss = action_loss(model, batch, spikes)
    optimiser.zero_grad(set_to_none=True)
    share = distributed.own_share(batch.mask)  # 1 where one process trains
    torch.autograd.backward((loss + spike_cost(spikes, batch.mask)) * share)
    parameters = optimiser.param_groups[0]["params"]  # all of the model's, without a walk through its modules
    distributed.add_up_gradients(parameters)
    gradient_norm = clip_grad_norm_(parameters, gradient_clip, foreach=True)
    optimiser.step()
    return loss, gradient_norm


def action_loss(model: PolicyNetwork, batch: Batch, spikes: dict[str, Tensor]) -> Tensor:
    """Mean squared error of the actions over real tokens."""
    predicted = model(
        batch.states, batch.previous_actions, batch.returns_to_go, batch.mask, spikes=spikes, steps=batch.steps
    )
    squared = (predicted - batch.actions).square().mean(dim=-1)
    loss: Tensor = (squared * batch.mask).sum() / batch.mask.sum()
    return loss


def set_learning_rate(optimiser: torch.optim.Optimizer, config: TrainConfig, step: int) -> None:
    """Linear warm-up, then a cosine to 0, or the same rate to the end."""
    warmup = max(1, int(config.warmup_fraction * config.steps))
    if step < warmup:
        share = (step + 1) / warmup
    elif config.schedule is Schedule.constant:
        share = 1.0
    else:
        share = 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, config.steps - warmup)))
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * share


def seed_dropout(seed: int, step: int) -> None:
    """Let what a step leaves out depend on (seed, step) alone, as all else does; each process leaves out its own."""
    own = [distributed.rank()] if distributed.rank() else []
    torch.manual_seed(int(np.random.SeedSequence([seed, step, *own]).generate_state(1)[0]))


def norm_blend(config: TrainConfig, step: int) -> float:
    """PTBN's λ = max(0, 1 − step / T_p)."""
    switch = config.norm_switch_fraction * config.steps
    return max(0.0, 1 - step / switch) if switch else 0.0


def score_metrics(scores: Scores) -> dict[str, float]:
    """A return target's scores as metrics."""
    prefix = f"score/{scores.return_target:g}"
    return {f"{prefix}/mean": scores.mean, f"{prefix}/standard_error": scores.standard_error}


def _prepare_torch(config: TrainConfig) -> None:
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    keep_freed_memory()


def _policy(
    config: TrainConfig, spec: EnvironmentSpec, model: PolicyNetwork, normalisation: Normalisation
) -> PolicyModel:
    quantisation = model.quantisation if isinstance(model, QuantisedDSFormer) else None
    return PolicyModel(model.eval(), normalisation, spec.name, spec.return_targets[0], plain(config), quantisation)


def _evaluate_all(
    config: TrainConfig, spec: EnvironmentSpec, model: PolicyNetwork, normalisation: Normalisation, episodes: int
) -> Iterator[Scores]:
    """Scores of each return target on its own."""
    policy = _policy(config, spec, model, normalisation)
    for target in spec.return_targets:
        title = f"evaluate, return {target:g}"
        with tqdm(desc=title, unit="step", total=spec.time_limit, leave=False) as progress:
            yield evaluate(policy, spec, target, episodes, on_step=lambda: progress.update())
    model.train()


def _progress(config: TrainConfig, first_step: int) -> tqdm[NoReturn]:
    title = f"train {config.env}"
    hidden = not distributed.is_first()
    return tqdm(total=config.steps, initial=first_step, desc=title, unit="step", dynamic_ncols=True, disable=hidden)


def _postfix(loss: float, rates: dict[str, float]) -> dict[str, str]:
    firing = {"firing": f"{sum(rates.values()) / len(rates):.1%}"} if rates else {}
    return {"loss": f"{loss:.4f}", **firing}


def _save_checkpoint(path: Path, model: PolicyNetwork, optimiser: torch.optim.Optimizer, step: int) -> None:
    content = {"step": step, "weights": model.state_dict(), "optimiser": optimiser.state_dict()}
    with atomic_write(path) as temporary:
        torch.save(content | {"quantisation": _rounding(model)}, temporary)


def _rounding(model: PolicyNetwork) -> dict[str, Any] | None:
    quantisation = model.quantisation if isinstance(model, QuantisedDSFormer) else None
    return quantisation.plain() if quantisation else None


def _load_checkpoint(path: Path, model: PolicyNetwork, optimiser: torch.optim.Optimizer) -> int:
    """Restore a killed run and return the step to go on from; a run killed before its first checkpoint starts anew."""
    if not path.exists():
        return 0
    content = load_tensors(path)
    if content.get("quantisation") != _rounding(model):
        raise UserError(
            f"{path} was trained with other units than the policy it goes on with has now, so that policy is another; "
            "start the run anew with --overwrite."
        )
    try:
        model.load_state_dict(content["weights"])
        optimiser.load_state_dict(content["optimiser"])
        return int(content["step"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as problem:
        raise UserError(f"{path} is no checkpoint of this run; start the run anew with --overwrite.") from problem
