"""The start of a fine-tuning through Loihi's weights."""

from __future__ import annotations

import os

from dsf_common.errors import UserError
from dsf_export.program_requirements import refuse_without_program
from dsf_export.rounded_model import QuantisedDSFormer
from dsf_models.checkpoint import PolicyModel, load_model_file
from dsf_train.configuration import TrainConfig
from dsf_train.qat.scales import choose_quantisation
from dsf_train.run_folder import RunFolder
from dsf_train.sampling import Batch, TokenWindows
from neuro_runtime.policy_files import find_policy, shipped_policy
from neuro_runtime.program.weight_format import WeightFormat

CHOICE_WINDOWS = 64


def starting_policy(config: TrainConfig) -> PolicyModel:
    """The policy that the run goes on with: ``config.policy``, or the one that ships for the environment.

    Raises
    ------
    UserError
        There is none, it cannot be read, has no program, is for another environment, or lies in the run's own folder,
        which the run would empty.
    """
    files = shipped_policy(config.env) if config.policy is None else find_policy(config.policy)
    path = files.need_model()
    run = RunFolder.of(config).path
    if os.path.realpath(path.parent) == os.path.realpath(run):
        raise UserError(f"{path} lies in the folder that this run writes to; choose another name=.")
    policy = load_model_file(path)
    refuse_without_program(policy.model.config)
    if policy.environment != config.env:
        raise UserError(f"{path} was trained for {policy.environment}, not {config.env}; name its own environment.")
    return policy


def quantised_start(start: PolicyModel, config: TrainConfig, windows: TokenWindows) -> QuantisedDSFormer:
    """The model to train: ``start``'s weights, rounded by scales that are chosen on the dataset."""
    weight_format = WeightFormat(config.quantise_bits, config.quantise_exponents)
    quantisation = choose_quantisation(start.model, choice_batch(config, windows), weight_format)
    return QuantisedDSFormer.of(start.model, quantisation)


def choice_batch(config: TrainConfig, windows: TokenWindows) -> Batch:
    """Windows that scales are chosen on and spikes compared on; those of no training step."""
    return windows.batch(config.seed, config.steps, CHOICE_WINDOWS)
