"""PTBN: what it computes in training and in evaluation, and that padding has no part in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from dsf_models import DSFormer
from dsf_models.configuration import ModelConfig
from dsf_models.kernels.accelerate import accelerate
from dsf_models.normalisation import PTBN, set_blend
from support.mixing_cases import MIXING_CASES, MixingCase

CHANNELS, THRESHOLD = 6, 0.5


def current(*shape: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(*shape, CHANNELS, generator=torch.Generator().manual_seed(seed)) + 1


@pytest.mark.parametrize("threshold", [0.5, 1.2])
@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_training_blends_layer_norm_and_batch_norm(blend: float, threshold: float) -> None:
    """Both branches start at the scale of the threshold."""
    norm = PTBN(CHANNELS, threshold).train()
    norm.blend = blend
    values = current(4, 10)
    layer = (values - values.mean(-1, keepdim=True)) / (values.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    batch = (values - values.mean((0, 1))) / (values.var((0, 1), unbiased=False) + 1e-5).sqrt()
    assert torch.allclose(norm(values), threshold * (blend * layer + (1 - blend) * batch), atol=1e-5)


def test_evaluation_is_the_batch_norm_with_its_running_statistics() -> None:
    """These follow the data from the first step on, while training still normalises by layer alone."""
    norm = PTBN(CHANNELS, THRESHOLD).train()
    norm.blend = 1.0
    for seed in range(200):
        norm(current(4, 10, seed=seed))
    norm.eval()
    values = current(4, 10, seed=1000)
    mean, variance = norm.batch_norm.running_mean, norm.batch_norm.running_var
    assert mean is not None
    assert variance is not None
    assert torch.allclose(mean, torch.ones(CHANNELS), atol=0.5)
    assert torch.allclose(variance, torch.full((CHANNELS,), 9.0), rtol=0.2)
    assert torch.allclose(norm(values), THRESHOLD * (values - mean) / (variance + 1e-5).sqrt(), atol=1e-5)


def test_set_blend_reaches_every_norm() -> None:
    model = DSFormer(ModelConfig(embedding_size=8), 3, 2)
    set_blend(model, 0.7)
    norms = [module for module in model.modules() if isinstance(module, PTBN)]
    assert len(norms) == 2 * 6 + 1
    assert {norm.blend for norm in norms} == {0.7}


@pytest.mark.parametrize("case", MIXING_CASES, ids=str)
@pytest.mark.parametrize("blend", [0.0, 0.5])
@pytest.mark.parametrize("form", [lambda model: model, accelerate], ids=["torch", "kernels"])
def test_padding_is_in_no_statistic(case: MixingCase, blend: float, form: Callable[[DSFormer], DSFormer]) -> None:
    """The content of padding changes neither actions, nor gradients, nor running statistics."""
    config = case.config(ModelConfig(embedding_size=8, context=6, window=3))
    mask = torch.arange(6) >= torch.tensor([[0], [2], [5]])

    def trained(padding: float) -> tuple[Tensor, list[Tensor]]:
        torch.manual_seed(0)
        model = _firing(DSFormer(config, 3, 2)).train()
        set_blend(model, blend)
        inputs = [torch.randn(3, 6, width).masked_fill(~mask[..., None], padding) for width in (3, 2, 1)]
        actions = form(model)(*inputs, mask)
        torch.autograd.backward(actions.square().sum())
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        return actions.detach(), [*gradients, *model.buffers()]

    actions, state = trained(0.0)
    others, other_state = trained(1e4)
    assert torch.equal(actions, others)
    assert all(map(torch.equal, state, other_state))
    assert actions[mask].abs().min() > 0
    assert actions[~mask].abs().max() == 0


def test_more_padding_changes_nothing() -> None:
    """The running statistics of two windows of 4 tokens, padded to 6 and not padded."""

    def statistics(padding: int) -> list[Tensor]:
        torch.manual_seed(0)
        model = DSFormer(ModelConfig(embedding_size=8, context=6, window=3), 3, 2).train()
        tokens = torch.split(torch.randn(2, 4, 6), [3, 2, 1], dim=-1)
        padded = [torch.cat([torch.zeros(2, padding, part.shape[-1]), part], dim=1) for part in tokens]
        model(*padded, torch.arange(4 + padding).expand(2, -1) >= padding)
        return [value for name, value in model.named_buffers() if "running" in name]

    plain, padded = statistics(0), statistics(2)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(plain, padded, strict=True))
    assert any(not torch.equal(value, torch.zeros_like(value)) for value in plain)


def _firing(model: DSFormer) -> DSFormer:
    """With weights large enough for every layer to fire."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.5)
    return model
