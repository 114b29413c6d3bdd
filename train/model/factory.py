"""The model that a configuration names."""

from __future__ import annotations

from train.configuration import ModelConfig, ModelKind
from train.model.decision_convformer import DecisionConvFormer
from train.model.decision_transformer import DecisionTransformer
from train.model.difference_mlp import DifferenceMlpPolicy
from train.model.dsformer import DSFormer
from train.model.mlp import MlpPolicy
from train.model.policy_network import PolicyNetwork

_KINDS: dict[ModelKind, type[PolicyNetwork]] = {
    ModelKind.dsformer: DSFormer,
    ModelKind.decision_transformer: DecisionTransformer,
    ModelKind.decision_convformer: DecisionConvFormer,
    ModelKind.mlp: MlpPolicy,
    ModelKind.difference_mlp: DifferenceMlpPolicy,
    ModelKind.spiking_mlp: DSFormer,
}


def make_model(config: ModelConfig, observation_size: int, action_size: int) -> PolicyNetwork:
    """A fresh model of ``config.kind``."""
    return _KINDS[config.kind](config, observation_size, action_size)
