"""Small policies, their tokens and their programs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from dsf_export.fold import FoldedPolicy, fold
from dsf_export.lower import lower
from dsf_export.quantise.calibration import LayerCalibration, layer_calibrations
from dsf_export.quantise.group_scales import choose_scales
from dsf_export.quantise.program_rounding import quantise
from dsf_export.recording import Recording, StateSpread, made_up_tokens
from dsf_export.stages import run_program
from dsf_models.checkpoint import PolicyModel, save_model_file
from dsf_models.configuration import BiasSharing, ModelConfig
from dsf_models.quantisation import Scales
from dsf_models.torch_backend import TorchBackend
from neuro_runtime.program import Program
from neuro_runtime.program.storage import save_program
from neuro_runtime.program.weight_format import DEFAULT_FORMAT, WeightFormat
from support.random_policies import random_policy

OBSERVATIONS, ACTIONS = 5, 3
PSSA = ModelConfig(
    embedding_size=16, blocks=2, context=6, window=3, mlp_ratio=2, bias_sharing=BiasSharing.channel, mixing="pssa"
)
SSSA = replace(PSSA, mixing="sssa", heads=2)
TSSA = replace(PSSA, mixing="tssa", heads=2, score_limit=6)
SDSA1 = replace(PSSA, mixing="sdsa1")
SDSA3 = replace(PSSA, mixing="sdsa3")
DELAY = ModelConfig(embedding_size=16, blocks=2, context=6, window=3, mlp_ratio=2, mixing="delay")
DELAY_MATRIX = replace(DELAY, mixing="delay-matrix")
WIDE = replace(DELAY_MATRIX, mixing_ratio=3)
LOW_RANK = replace(DELAY_MATRIX, mixing_rank=4)
BESIDE = replace(PSSA, mixing="pssa-delay-matrix", mixing_ratio=2)
TINY = ModelConfig(embedding_size=8, blocks=1, context=2, window=2, mlp_ratio=2, mixing="delay", time_steps=2)
LEVELS = replace(DELAY_MATRIX, levels=3)
PSSA_LEVELS = replace(PSSA, levels=2)

# Scales by the policy's id, beside the policy itself, which keeps the id its own: a policy has arrays and so no hash.
_SCALES: dict[int, tuple[PolicyModel, dict[WeightFormat, Scales]]] = {}


@cache
def pssa_policy() -> PolicyModel:
    """A PSSA policy whose layers all fire."""
    return random_policy(PSSA, OBSERVATIONS, ACTIONS, seed=1)


@cache
def sssa_policy() -> PolicyModel:
    """A policy that maps each time step, whose layers all fire."""
    return random_policy(SSSA, OBSERVATIONS, ACTIONS, seed=1)


@cache
def tssa_policy() -> PolicyModel:
    """A policy that maps all time steps together, with a limit of its scores, whose layers all fire."""
    return random_policy(TSSA, OBSERVATIONS, ACTIONS, seed=2)


@cache
def sdsa1_policy() -> PolicyModel:
    """An SDSA-1 policy whose layers all fire."""
    return random_policy(SDSA1, OBSERVATIONS, ACTIONS, seed=1)


@cache
def sdsa3_policy() -> PolicyModel:
    """An SDSA-3 policy whose layers all fire; its scores count an eighth."""
    return random_policy(SDSA3, OBSERVATIONS, ACTIONS, seed=1, added_current=0.3)


@cache
def delay_policy() -> PolicyModel:
    """A policy of delayed synapses whose layers all fire."""
    return random_policy(DELAY, OBSERVATIONS, ACTIONS, seed=2)


@cache
def delay_matrix_policy() -> PolicyModel:
    """A policy with a free matrix a delay whose layers all fire."""
    return random_policy(DELAY_MATRIX, OBSERVATIONS, ACTIONS, seed=2)


@cache
def wide_policy() -> PolicyModel:
    """The same with three neurons a channel to compare tokens with."""
    return random_policy(WIDE, OBSERVATIONS, ACTIONS, seed=2)


@cache
def beside_policy() -> PolicyModel:
    """A policy of PSSA and free matrices side by side whose layers all fire."""
    return random_policy(BESIDE, OBSERVATIONS, ACTIONS, seed=2)


@cache
def levels_policy() -> PolicyModel:
    """A policy with three neurons a channel that its mixing reads, all layers of which fire."""
    return random_policy(LEVELS, OBSERVATIONS, ACTIONS, seed=2)


def save_tiny_policy(folder: Path) -> None:
    """Write the model and the program of a policy of a few neurons, for the pendulum, into ``folder``."""
    policy = random_policy(TINY, 3, 1, seed=1, environment="pendulum")
    save_model_file(folder / "model.pt", policy)
    save_program(quantised(policy), folder / "program.dsf.h5")


def made_up(policy: PolicyModel, decisions: int = 30, episode_length: int = 20) -> Recording:
    """Tokens of two episodes, longer than the context."""
    spread = StateSpread(policy.normalisation.state_mean, policy.normalisation.state_std)
    return made_up_tokens(TorchBackend(policy), spread, decisions, reason="a test", episode_length=episode_length)


def lowered(policy: PolicyModel) -> tuple[FoldedPolicy, Program]:
    """The folded policy and its float program."""
    folded = fold(policy.model)
    return folded, lower(folded, policy, {"made by": "a test"})


def calibrations(policy: PolicyModel, program: Program) -> dict[str, LayerCalibration]:
    """The calibration of each layer of the policy's float program, on made-up tokens."""
    recording = made_up(policy)
    return layer_calibrations(program, recording, run_program(program, recording, lambda: None))


def scales(policy: PolicyModel, weight_format: WeightFormat = DEFAULT_FORMAT) -> Scales:
    """The scales of the policy's groups, chosen on made-up tokens; once for each policy and format."""
    known = _SCALES.setdefault(id(policy), (policy, {}))[1]
    if weight_format not in known:
        program = lowered(policy)[1]
        known[weight_format] = choose_scales(program, calibrations(policy, program), weight_format)
    return known[weight_format]


def quantised(policy: PolicyModel, weight_format: WeightFormat = DEFAULT_FORMAT) -> Program:
    """The policy's loihi program."""
    return quantise(lowered(policy)[1], scales(policy, weight_format), weight_format)
