"""The seam between networks and compiled kernels: a model's twin for training on a CPU.

A twin has the same modules in the same places, with the same parameters and buffers, not copies of them. Those modules
that kernels serve are of a class of their own, whose ``forward`` computes the same by kernels
(`dsf_models.kernels.compiled_modules`). The model itself stays as it is: evaluation, export and checkpoints know
nothing of kernels.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def accelerate(model: M) -> M:
    """The form of ``model`` that its training steps should take.

    Its loss and gradients are the model's in training, up to the order of sums. Gradients arrive in the model's
    parameters, and running statistics in its buffers; λ is read from its PTBNs, and a number format that it is given
    later is followed. The form is for training alone and refuses to normalise in evaluation.

    Returns
    -------
    nn.Module
        A twin of compiled modules, or ``model`` itself where kernels do not serve it.
    """
    if not serves(model):
        return model
    from dsf_models.kernels.compiled_modules import twin  # needs numba

    return twin(model)


def serves(model: nn.Module) -> bool:
    """Whether kernels can compute ``model``: numba is installed, and all parameters are float32 or float64 on a CPU."""
    if find_spec("numba") is None:
        return False
    kinds = {(parameter.device.type, parameter.dtype) for parameter in model.parameters()}
    return len(kinds) <= 1 and kinds <= {("cpu", torch.float32), ("cpu", torch.float64)}
