"""The model that a configuration names."""

from __future__ import annotations

from typing import assert_never

from dsf_models.configuration import ModelConfig, ModelKind
from dsf_models.decision_convformer import DecisionConvFormer
from dsf_models.decision_transformer import DecisionTransformer
from dsf_models.difference_mlp import DifferenceMlpPolicy
from dsf_models.dsformer import DSFormer
from dsf_models.fcnet import FourierController
from dsf_models.mlp import MlpPolicy
from dsf_models.policy_network import PolicyNetwork
from dsf_models.spikebert import SpikeBert
from dsf_models.spikegpt import SpikeGpt


def make_model(config: ModelConfig, observation_size: int, action_size: int) -> PolicyNetwork:
    """A fresh model of ``config.kind``."""
    return _model_class(config.kind)(config, observation_size, action_size)


def _model_class(kind: ModelKind) -> type[PolicyNetwork]:
    match kind:
        case ModelKind.dsformer | ModelKind.spiking_mlp:
            return DSFormer
        case ModelKind.decision_transformer:
            return DecisionTransformer
        case ModelKind.decision_convformer:
            return DecisionConvFormer
        case ModelKind.mlp | ModelKind.cql | ModelKind.iql | ModelKind.td3bc:
            return MlpPolicy
        case ModelKind.difference_mlp:
            return DifferenceMlpPolicy
        case ModelKind.fcnet:
            return FourierController
        case ModelKind.spikegpt:
            return SpikeGpt
        case ModelKind.spikebert:
            return SpikeBert
        case _:
            assert_never(kind)
