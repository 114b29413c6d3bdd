"""Small policies and tokens for the export tests."""

from __future__ import annotations

from functools import cache

from benchmarks.random_policies import random_policy
from export.fold import FoldedPolicy, fold
from export.lower import lower
from export.quantise import quantise
from export.recording import Recording, StateSpread, made_up_tokens
from neuro_runtime.program import Program
from train.checkpoint import PolicyModel
from train.configuration import BiasSharing, Mixing, ModelConfig
from train.torch_backend import TorchBackend

OBSERVATIONS, ACTIONS = 5, 3
PSSA = ModelConfig(
    embedding_size=16, blocks=2, context=6, window=3, mlp_ratio=2, bias_sharing=BiasSharing.channel, mixing=Mixing.pssa
)
DELAY = ModelConfig(embedding_size=16, blocks=2, context=6, window=3, mlp_ratio=2, mixing=Mixing.delay)


@cache
def pssa_policy() -> PolicyModel:
    """A PSSA policy whose layers all fire."""
    return random_policy(PSSA, OBSERVATIONS, ACTIONS, seed=1)


@cache
def delay_policy() -> PolicyModel:
    """A policy of delayed synapses whose layers all fire."""
    return random_policy(DELAY, OBSERVATIONS, ACTIONS, seed=2)


def made_up(policy: PolicyModel, decisions: int = 30, episode_length: int = 20) -> Recording:
    """Tokens of two episodes, longer than the context."""
    spread = StateSpread(policy.normalisation.state_mean, policy.normalisation.state_std)
    return made_up_tokens(TorchBackend(policy), spread, decisions, reason="a test", episode_length=episode_length)


def lowered(policy: PolicyModel) -> tuple[FoldedPolicy, Program]:
    """The folded policy and its float program."""
    folded = fold(policy.model)
    return folded, lower(folded, policy, {"made by": "a test"})


def quantised(policy: PolicyModel) -> Program:
    """The policy's loihi program."""
    return quantise(lowered(policy)[1])
