"""The state of a training run: its data, model and optimiser, made anew or as its checkpoint left them."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import torch

from dsf_common.errors import UserError
from dsf_common.plain_values import plain
from dsf_common.versions import if_newer
from dsf_export.program_events import program_events
from dsf_export.program_requirements import refuse_without_program, settings_without_loihi_form
from dsf_export.rounded_model import QuantisedDSFormer
from dsf_models import DSFormer, PolicyNetwork, distributed, make_model
from dsf_models.checkpoint import (
    Normalisation,
    PolicyModel,
    load_tensors,
    require_intact_tensors,
    save_tensors,
)
from dsf_models.configuration import ModelKind
from dsf_models.mlp import MlpPolicy
from dsf_models.normalisation import set_blend
from dsf_train.compiled_step import compiles
from dsf_train.configuration import Precision, TrainConfig
from dsf_train.datasets import Columns, open_dataset
from dsf_train.firing_rate_initialisation import WINDOWS, raise_firing_rates
from dsf_train.memory import keep_freed_memory
from dsf_train.qat.start import quantised_start, starting_policy
from dsf_train.room import require_room
from dsf_train.run_folder import RunFolder
from dsf_train.sampling import Batch, TokenWindows, normalisation_of
from dsf_train.schedule import norm_blend
from dsf_train.spike_cost import SpikeCost, spike_cost
from dsf_train.value_learning.learner import ValueLearner, require_d3rlpy
from dsf_train.value_learning.transitions import Transitions
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec
from neuro_runtime.episodes.trial import try_environment

CHECKPOINT_VERSION = 1
_log = logging.getLogger(__name__)
UNCHECKED = 0  # the version of checkpoints that have none, and no checksum


@dataclass(frozen=True)
class TrainingState:
    """A run between two steps.

    Attributes
    ----------
    start
        The policy that ``quantise`` goes on with.
    compiled
        Whether steps are taken in their compiled form.
    learner
        What updates the model instead of ``optimiser``, for a kind that learns values.
    first_step
        Steps that were done before.
    """

    config: TrainConfig
    spec: EnvironmentSpec
    folder: RunFolder
    windows: TokenWindows
    normalisation: Normalisation
    action_bounds: ActionBounds | None
    data_notes: tuple[str, ...]
    device: torch.device
    compiled: bool
    model: PolicyNetwork
    optimiser: torch.optim.Optimizer
    cost: SpikeCost
    start: PolicyModel | None
    learner: ValueLearner | None
    first_step: int

    def policy(self) -> PolicyModel:
        """The model as it is now, with what it takes to act."""
        quantisation = self.model.quantisation if isinstance(self.model, QuantisedDSFormer) else None
        target = self.spec.return_targets[0]
        return PolicyModel(
            self.model.eval(),
            self.normalisation,
            self.spec.name,
            target,
            plain(self.config),
            quantisation,
            self.action_bounds,
            self.data_notes,
        )

    def save_checkpoint(self, step: int) -> None:
        """Write what `--resume` goes on from after ``step`` steps."""
        content = {
            "version": CHECKPOINT_VERSION,
            "step": step,
            "weights": self.model.state_dict(),
            "optimiser": (self.learner or self.optimiser).state_dict(),
            "quantisation": _rounding(self.model),
        }
        save_tensors(self.folder.checkpoint, content)


def prepare(config: TrainConfig, resume: bool, overwrite: bool, held: ExitStack) -> TrainingState:
    """Open the dataset and the run's folder, and make the model, or load it from the checkpoint.

    Parameters
    ----------
    held
        Gets the lock of the run's folder.

    Raises
    ------
    UserError
        The configuration, the dataset or the run folder is not usable.
    """
    require_trainable(config)
    for sentence in settings_without_loihi_form(config.model):
        _log.warning("this model trains, and its export for Loihi will be refused: %s", sentence)
    device = distributed.own_device(config.device)
    spec = load_environment_spec(config.env)
    if distributed.is_first():
        try_environment(spec, delayed_reward=config.delayed_reward)
    start = starting_policy(config) if config.quantise else None
    config = replace(config, model=start.model.config, delayed_reward=start.delayed_reward) if start else config
    require_room(config, spec)
    with distributed.first_one_first():
        dataset = open_dataset(spec, Path(config.dataset) if config.dataset else None, config.dataset_options)
    spec = spec if spec.return_targets else with_targets_of(dataset, spec)
    _prepare_torch(config)

    normalisation = start.normalisation if start else normalisation_of(dataset, spec.return_scale, config.input_clip)
    windows = windows_of(config, dataset, normalisation)
    model = _make_model(config, dataset, windows, start).to(device)
    if isinstance(model, DSFormer) and config.initial_firing_rate:
        _raise_firing_rates(model, config, windows)
    distributed.start_alike(model)
    optimiser = make_optimiser(model, config)
    learner = _value_learner(config, model, dataset, normalisation, spec, device)
    cost = spike_cost(config, program_events(model))
    folder = _opened(config, resume, overwrite, held)  # last, so that what is refused leaves a run there as it was
    first_step = restore_checkpoint(folder.checkpoint, model, learner or optimiser) if resume else 0
    bounds = start.action_bounds if start else dataset.action_bounds
    return TrainingState(
        config,
        spec,
        folder,
        windows,
        normalisation,
        bounds,
        dataset.notes,
        device,
        compiles(config),
        model,
        optimiser,
        cost,
        start,
        learner,
        first_step,
    )


def require_trainable(config: TrainConfig) -> None:
    """Refuse what a run cannot have, by its options alone: before its dataset is read and its folder made.

    Raises
    ------
    UserError
        An option is wrong, or two do not go together.
    """
    config.validate()
    if config.model.kind.learns_values:
        require_d3rlpy(config.model.kind)
        if distributed.processes() > 1:
            raise UserError(f"model.kind={config.model.kind.value} trains in one process; start it without torchrun.")
    compiles(config)  # refuses what no device can compute, before a device is asked for
    if (config.synop_price or config.energy_price) and not config.quantise:
        refuse_without_program(config.model)


def _opened(config: TrainConfig, resume: bool, overwrite: bool, held: ExitStack) -> RunFolder:
    """The run's folder, with its lock."""
    first = distributed.is_first()
    with distributed.first_one_first():
        if first and (RunFolder.of(config).path.exists() or not resume):
            held.enter_context(RunFolder.of(config).locked())
        return RunFolder.open(config, resume or not first, overwrite and first)


def windows_of(config: TrainConfig, dataset: Columns, normalisation: Normalisation) -> TokenWindows:
    """The windows that a run draws from its dataset.

    Raises
    ------
    UserError
        They have to hold whole episodes, and are too short.
    """
    return TokenWindows(
        dataset,
        normalisation,
        config.model.context,
        config.delayed_reward,
        config.best_share,
        config.whole_episodes,
    )


def with_targets_of(dataset: Columns, spec: EnvironmentSpec) -> EnvironmentSpec:
    """``spec`` with the data's best return as what to ask for, and their largest as what returns are divided by.

    Unfinished episodes have no return, so they have a say only where there are no others.
    """
    returns = dataset.returns[dataset.finished] if dataset.finished.any() else dataset.returns
    largest = float(np.abs(returns).max())
    return replace(spec, return_targets=(float(returns.max()),), return_scale=largest or 1.0)


def _raise_firing_rates(model: DSFormer, config: TrainConfig, windows: TokenWindows) -> None:
    set_blend(model, norm_blend(config, 0))
    batch = firing_rate_batch(config, windows, 0).to(next(model.parameters()).device)
    raise_firing_rates(model, batch, config.initial_firing_rate)


def firing_rate_batch(config: TrainConfig, windows: TokenWindows, done: int) -> Batch:
    """Windows that no step of the training sees, the same in every process, after ``done`` steps."""
    return windows.batch(config.seed, config.steps + 1 + done, WINDOWS)


def _prepare_torch(config: TrainConfig) -> None:
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    torch.set_float32_matmul_precision(_precision_of_products(config.precision))
    keep_freed_memory()


def _precision_of_products(precision: Precision) -> str:
    """PyTorch's word for what products of float32 matrices may be rounded to."""
    match precision:
        case Precision.float32 | Precision.bfloat16:
            return "highest"
        case Precision.tf32:
            return "high"
        case _:
            assert_never(precision)


def _make_model(
    config: TrainConfig, dataset: Columns, windows: TokenWindows, start: PolicyModel | None
) -> PolicyNetwork:
    if start:
        return quantised_start(start, config, windows)
    return make_model(config.model, dataset.observations.shape[1], dataset.actions.shape[1])


def make_optimiser(model: PolicyNetwork, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW over all parameters; fused, which is one call instead of a dozen a parameter."""
    return torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def _rounding(model: PolicyNetwork) -> dict[str, Any] | None:
    quantisation = model.quantisation if isinstance(model, QuantisedDSFormer) else None
    return quantisation.plain() if quantisation else None


def _value_learner(
    config: TrainConfig,
    model: PolicyNetwork,
    dataset: Columns,
    normalisation: Normalisation,
    spec: EnvironmentSpec,
    device: torch.device,
) -> ValueLearner | None:
    if not config.model.kind.learns_values:
        return None
    assert isinstance(model, MlpPolicy)
    spread = float(dataset.returns.max() - dataset.returns.min()) if config.model.kind is ModelKind.iql else 0.0
    scale = 1000 / spread if spread else 1.0  # IQL's, see its recipe
    transitions = Transitions(
        dataset, normalisation, spec.time_limit, config.delayed_reward, config.best_share, reward_scale=scale
    )
    return ValueLearner(config, model, transitions, device)


def restore_checkpoint(path: Path, model: PolicyNetwork, optimiser: torch.optim.Optimizer | ValueLearner) -> int:
    """Restore a killed run and return the step to go on from; a run killed before its first checkpoint starts anew."""
    if not path.exists():
        return 0
    content = load_tensors(path)
    version = content.get("version", UNCHECKED)
    if version not in (UNCHECKED, CHECKPOINT_VERSION):
        raise UserError(
            f"{path} has version {version}, this release reads {CHECKPOINT_VERSION}"
            f"{if_newer(version, CHECKPOINT_VERSION)}; or start the run anew with --overwrite."
        )
    if content.get("quantisation") != _rounding(model):
        raise UserError(
            f"{path} was trained with other scales than the policy it goes on with has now, so that policy is another; "
            "start the run anew with --overwrite."
        )
    try:
        model.load_state_dict(content["weights"])
        optimiser.load_state_dict(content["optimiser"])
        require_intact_tensors(content, path, required=version == CHECKPOINT_VERSION)
        return int(content["step"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as problem:
        raise UserError(f"{path} is no checkpoint of this run; start the run anew with --overwrite.") from problem
