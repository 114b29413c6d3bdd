"""The choices of normalisation: what each computes, in training and in evaluation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dsf_models import DSFormer
from dsf_models.configuration import ModelConfig, Norm
from dsf_models.normalisation import set_blend
from dsf_models.normalisation_choice import RepPTBN, TdBN, TdLN, normalisation

CHANNELS = 6
EPSILON = 1e-5


def config(norm: Norm) -> ModelConfig:
    return ModelConfig(embedding_size=CHANNELS, norm=norm)


def current(seed: int = 0) -> Tensor:
    """(T, tokens, D)."""
    return 3 * torch.randn(4, 10, CHANNELS, generator=torch.Generator().manual_seed(seed)) + 1


def standardised(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    centred = values - values.mean(axes, keepdim=True)
    return centred / (values.var(axes, unbiased=False, keepdim=True) + EPSILON).sqrt()


def test_no_norm_leaves_the_current_as_it_is() -> None:
    assert torch.equal(normalisation(CHANNELS, config(Norm.none))(current()), current())


@pytest.mark.parametrize("training", [True, False])
def test_tdln_has_the_statistics_of_a_token(training: bool) -> None:
    norm = normalisation(CHANNELS, config(Norm.tdln)).train(training)
    assert isinstance(norm, TdLN)
    assert torch.allclose(norm(current()), 0.5 * standardised(current(), (-1,)), atol=1e-5)


def test_tdbn_has_the_statistics_of_a_channel() -> None:
    norm = normalisation(CHANNELS, config(Norm.tdbn))
    assert isinstance(norm, TdBN)
    assert torch.allclose(norm(current()), 0.5 * standardised(current(), (0, 1)), atol=1e-5)
    norm.eval()
    mean, variance = norm.batch_norm.running_mean, norm.batch_norm.running_var
    assert mean is not None
    assert variance is not None
    assert torch.allclose(norm(current(1)), 0.5 * (current(1) - mean) / (variance + EPSILON).sqrt(), atol=1e-5)


@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_repbn_adds_a_skip_to_the_batch_norm_branch(blend: float) -> None:
    norm = normalisation(CHANNELS, config(Norm.repbn))
    assert isinstance(norm, RepPTBN)
    assert norm.skip.item() == 1
    torch.nn.init.constant_(norm.skip, 0.25)
    set_blend(norm, blend)
    batch = 0.5 * standardised(current(), (0, 1)) + 0.25 * current()
    layer = 0.5 * standardised(current(), (-1,))
    assert torch.allclose(norm(current()), blend * layer + (1 - blend) * batch, atol=1e-5)


@pytest.mark.parametrize("norm", Norm)
def test_every_norm_trains(norm: Norm) -> None:
    torch.manual_seed(0)
    model = DSFormer(ModelConfig(embedding_size=16, context=4, window=2, norm=norm), 3, 2)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=0.5)
    set_blend(model, 0.5)
    actions = model(*torch.split(torch.randn(8, 4, 6), [3, 2, 1], dim=-1), torch.ones(8, 4, dtype=torch.bool))
    torch.autograd.backward(actions.square().sum())
    assert all(torch.isfinite(value.grad).all() for value in model.parameters() if value.grad is not None)
    assert model.embedding.weight.grad is not None
    assert model.embedding.weight.grad.any()


def test_names_of_weights_are_those_of_published_policies() -> None:
    """Files of before the choice load: PTBN's weights are called as they were."""
    names = DSFormer(ModelConfig(embedding_size=8, blocks=1), 3, 2).state_dict().keys()
    norms = [name for name in names if name.startswith("last_norm.")]
    batch = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert norms == [
        "last_norm.layer_norm.weight",
        "last_norm.layer_norm.bias",
        *(f"last_norm.batch_norm.{part}" for part in batch),
    ]
