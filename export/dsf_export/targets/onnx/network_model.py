"""The baselines as ONNX models, one token a call."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx

from dsf_common.errors import UserError
from dsf_export.targets.onnx.convformer import add_convformer
from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.linear import ByteLinears, FloatLinears, Linears
from dsf_export.targets.onnx.perceptrons import add_difference_mlp, add_mlp
from dsf_export.targets.onnx.tokens import TokenInputs, TokenScale, add_token, give_action
from dsf_export.targets.onnx.transformer import add_transformer
from dsf_models.checkpoint import Normalisation, PolicyModel
from dsf_models.decision_convformer import DecisionConvFormer
from dsf_models.decision_transformer import DecisionTransformer
from dsf_models.difference_mlp import DifferenceMlpPolicy
from dsf_models.mlp import MlpPolicy
from dsf_models.policy_network import PolicyNetwork

FLOAT32, INT8 = "float32", "int8"
LINEARS: Mapping[str, type[Linears]] = {FLOAT32: FloatLinears, INT8: ByteLinears}


def baseline_model(policy: PolicyModel, precision: str, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """A decision of a baseline: from the raw token to the action of −1 … 1.

    Parameters
    ----------
    precision
        ``float32``, or ``int8``: of the weights and inputs of Linears; the rest is in float32.

    Raises
    ------
    UserError
        A model of another kind, or one that does not stream.
    """
    graph = GraphBuilder(policy.environment or "policy")
    token = add_token(graph, scale_of(policy.normalisation), policy.model.action_size)
    action = _action(LINEARS[precision](graph), policy.model, token)
    give_action(graph, graph.cast(action, np.float64), policy.model.action_size)
    return graph.model(metadata)


def scale_of(normalisation: Normalisation) -> TokenScale:
    """How a model's tokens are normalised."""
    mean, std = (values.astype(np.float64) for values in (normalisation.state_mean, normalisation.state_std))
    return TokenScale(mean, std, normalisation.return_scale, normalisation.input_clip)


def _action(linears: Linears, model: PolicyNetwork, token: TokenInputs) -> str:
    match model:
        case DecisionTransformer():
            return add_transformer(linears, model, token)
        case DecisionConvFormer():
            return add_convformer(linears, model, token)
        case DifferenceMlpPolicy():
            return add_difference_mlp(linears, model, token)
        case MlpPolicy():
            return add_mlp(linears, model, token)
        case _:
            raise UserError(f"model.kind={model.config.kind.value} has no ONNX form; export a model of another kind")
