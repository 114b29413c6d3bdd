"""The model that a configuration names."""

from __future__ import annotations

from dsf_models.configuration import ModelConfig, ModelKind
from dsf_models.decision_convformer import DecisionConvFormer
from dsf_models.decision_transformer import DecisionTransformer
from dsf_models.difference_mlp import DifferenceMlpPolicy
from dsf_models.dsformer import DSFormer
from dsf_models.mlp import MlpPolicy
from dsf_models.policy_network import PolicyNetwork

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
