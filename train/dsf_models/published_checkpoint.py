"""Checkpoints of the paper's published code, by the names its ``state_dict`` uses.

Facts that the weights do not tell are taken from a configuration, whose defaults are the published code's: T, S, the
heads, and for a checkpoint without position weights K and whether its attention is TSSA or SSSA.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_models import DSFormer
from dsf_models.configuration import ModelConfig, ModelKind, Norm, PositionBias

_BLOCK = re.compile(r"^transformer\.transformer\.blocks\.(\d+)\.")
_BUFFERS = re.compile(r"(\.norm\.(warm|iter|total_step)|\.local_mask)$")  # the published code's bookkeeping
_BATCH_NORM_EPSILON = 1e-5

_LINEARS = {
    "attn.q_m": "attention.query.linear",
    "attn.k_m": "attention.key.linear",
    "attn.v_m": "attention.value.linear",
    "attn.last_m": "attention.project.linear",
    "mlp.fc1": "mlp.hidden.linear",
    "mlp.fc2": "mlp.project.linear",
}
_NORMS = {
    "attn.q_ln": "attention.query.norm",
    "attn.k_ln": "attention.key.norm",
    "attn.v_ln": "attention.value.norm",
    "attn.last_ln": "attention.project.norm",
    "mlp.ln1": "mlp.hidden.norm",
    "mlp.ln2": "mlp.project.norm",
}


def is_published(content: Mapping[str, Any]) -> bool:
    """Whether ``content`` is a ``state_dict`` with the published names."""
    return any(_BLOCK.match(name.removeprefix("module.")) for name in content)


def load_published(state_dict: Mapping[str, Tensor], told: ModelConfig | None = None) -> DSFormer:
    """Our model with a published checkpoint's weights; D, L, K and the environment's sizes come from their shapes.

    Parameters
    ----------
    state_dict
        The checkpoint. A checkpoint with ``pos_bias`` is PSSA, with position weights a pair of places.
    told
        Facts that no weight tells: T, S, heads, and without ``pos_bias`` K and the mixing (``tssa`` unless told
        ``sssa``).

    Raises
    ------
    UserError
        It was trained without batch-norm statistics, or a weight is missing, unknown, not finite or of the wrong shape.
    """
    weights = {name.removeprefix("module."): value for name, value in state_dict.items()}
    _require_numbers(weights)
    _require_batch_norm(weights)
    config = _infer_config(weights, told or ModelConfig())
    observations, actions = _infer_sizes(weights)
    model = DSFormer(config, observations, actions)
    ours = dict(_rename(weights))
    _fill_layer_norms(model, ours)
    try:
        model.load_state_dict(ours)
    except RuntimeError as problem:
        raise UserError(f"the published checkpoint does not fit: {str(problem).splitlines()[-1].strip()}") from problem
    return model.eval()


def _require_numbers(weights: Mapping[str, Any]) -> None:
    for name, value in weights.items():
        if not isinstance(value, Tensor) or not torch.isfinite(value).all():
            raise UserError(f"the published checkpoint's {name} is not a tensor of finite numbers; save it again")


def _require_batch_norm(weights: Mapping[str, Tensor]) -> None:
    if not any(".norm2." in name for name in weights):
        raise UserError(
            "this published checkpoint was trained with LayerNorm (it has no …ln.norm.norm2… weights), which needs the "
            "statistics of every token and cannot fold into the weights; train with the published norm_type=3 (PTBN)"
        )


def _infer_config(weights: Mapping[str, Tensor], told: ModelConfig) -> ModelConfig:
    name = "transformer.transformer.blocks.0.attn.pos_bias"
    position = _matrix(weights, name) if name in weights else None
    context = told.context if position is None else len(position)
    map_attention = "sssa" if told.mixing == "sssa" else "tssa"
    config = replace(
        told,
        kind=ModelKind.dsformer,
        norm=Norm.ptbn,
        embedding_size=len(_matrix(weights, "embed.weight")),
        blocks=1 + max(int(match[1]) for match in map(_BLOCK.match, weights) if match),
        context=context,
        window=context if position is None else told.window,  # a published map leaves no token of the context out
        mixing=map_attention if position is None else "pssa",
        position_bias=PositionBias.pairwise,
        streaming=False,
    )
    config.validate()
    return config


def _infer_sizes(weights: Mapping[str, Tensor]) -> tuple[int, int]:
    actions = len(_matrix(weights, "predict_action.0.weight"))
    observations = _matrix(weights, "embed.weight").shape[1] - actions - 1
    if observations < 1:
        raise UserError(
            f"the published checkpoint's embed.weight has no room for a state beside {actions} actions and a return; "
            "it is not a whole DSFormer"
        )
    return observations, actions


def _need(weights: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in weights:
        raise UserError(f"the published checkpoint has no {name}; it is not a whole DSFormer")
    return weights[name]


def _matrix(weights: Mapping[str, Tensor], name: str) -> Tensor:
    weight = _need(weights, name)
    if weight.ndim != 2:
        raise UserError(f"the published checkpoint's {name} has shape {tuple(weight.shape)}; it must be a matrix")
    return weight


def _rename(weights: Mapping[str, Tensor]) -> list[tuple[str, Tensor]]:
    """Our names for the published weights, RepBN's skip folded into its batch norm."""
    renamed = []
    for name, value in weights.items():
        if _BUFFERS.search(name) or name.endswith(".norm2.alpha"):
            continue
        skip = weights.get(re.sub(r"\.norm2\.bn\.\w+$", ".norm2.alpha", name)) if ".norm2.bn." in name else None
        if skip is not None:
            value = _with_skip(name, weights, skip)
        renamed.append((_our_name(name), value))
    return renamed


def _our_name(name: str) -> str:
    top = {"embed.": "embedding.", "embed_ln.": "embedding_norm.", "predict_action.0.": "head."}
    for theirs, ours in top.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    if name.startswith("transformer.transformer.last_ln."):
        return "last_norm" + _norm_part(name.removeprefix("transformer.transformer.last_ln"))
    block = _BLOCK.match(name)
    if block:
        rest = name[block.end() :]
        if rest == "attn.pos_bias":
            return f"blocks.{block[1]}.attention.position.weight"
        module, _, part = rest.partition(".norm.") if ".norm." in rest else rest.rpartition(".")
        if module in _LINEARS:
            return f"blocks.{block[1]}.{_LINEARS[module]}.{part}"
        if module in _NORMS:
            return f"blocks.{block[1]}.{_NORMS[module]}{_norm_part('.norm.' + part)}"
    raise UserError(f"the published checkpoint has a weight {name} that no DSFormer has; is it another model's?")


def _norm_part(rest: str) -> str:
    """``.norm.norm1.ln.weight`` and its like."""
    for theirs, ours in ((".norm.norm1.ln.", ".layer_norm."), (".norm.norm2.bn.", ".batch_norm.")):
        if rest.startswith(theirs):
            return ours + rest.removeprefix(theirs)
    raise UserError(f"the published checkpoint has an unknown norm weight …{rest}; only PTBN checkpoints load")


def _with_skip(name: str, weights: Mapping[str, Tensor], skip: Tensor) -> Tensor:
    """RepBN, ``BN(x) + a·x``, is a batch norm with ``γ' = γ + a·√(var + ε)`` and ``β' = β + a·mean``."""
    prefix, _, part = name.rpartition(".")
    if skip.shape not in ((), (1,)):
        raise UserError(f"the published checkpoint's RepBN skip at {prefix} has {skip.numel()} values; it must be one")
    if part == "weight":
        return weights[name] + skip * torch.sqrt(_need(weights, f"{prefix}.running_var") + _BATCH_NORM_EPSILON)
    if part == "bias":
        return weights[name] + skip * _need(weights, f"{prefix}.running_mean")
    return weights[name]


def _fill_layer_norms(model: DSFormer, weights: dict[str, Tensor]) -> None:
    """The tdLN branch serves training alone: a checkpoint without it, or with one over (T, D), keeps a fresh one."""
    for name, fresh in model.state_dict().items():
        if ".layer_norm." in name and (name not in weights or weights[name].shape != fresh.shape):
            weights[name] = fresh
