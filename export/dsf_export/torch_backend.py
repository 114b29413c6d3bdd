"""The `torch` backend: a policy's trained model, its weights rounded where it was trained through the rounding."""

from __future__ import annotations

from dataclasses import replace

from dsf_export.rounded_model import QuantisedDSFormer
from dsf_models.checkpoint import load_model_file
from dsf_models.torch_backend import TorchBackend
from neuro_runtime.backends.base import Backend
from neuro_runtime.policy_files import PolicyFiles


def open_backend(files: PolicyFiles) -> Backend:
    """Open ``model.pt``.

    Raises
    ------
    UserError
        The policy has no model, or it cannot be read.
    """
    policy = load_model_file(files.need_model())
    if policy.quantisation:  # it was trained through these rounded weights, so it is run with them
        policy = replace(policy, model=QuantisedDSFormer.of(policy.model, policy.quantisation))
    return TorchBackend(policy)
