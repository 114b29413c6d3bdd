"""The Decision SpikeFormer and its baselines in PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsf_models.dsformer import DSFormer
    from dsf_models.factory import make_model
    from dsf_models.policy_network import PolicyNetwork

__all__ = ["DSFormer", "PolicyNetwork", "make_model"]

_MODULES = {"DSFormer": "dsformer", "PolicyNetwork": "policy_network", "make_model": "factory"}


def __getattr__(name: str) -> object:
    """Import a network when it is first used, since it brings PyTorch, and options are listed without it."""
    if name in _MODULES:
        return getattr(import_module(f"dsf_models.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
