"""The baseline of the training benchmark is the same model: same weights, same loss, same gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dsf_models import DSFormer
from dsf_models.configuration import ModelConfig, Surrogate
from dsf_models.kernels.accelerate import accelerate
from dsf_models.normalisation import set_blend
from support.plain_dsformer import LoopedLif, NeuronFactory, PlainDSFormer, SnnTorchLif, set_plain_blend

CONFIG = ModelConfig(embedding_size=16, blocks=2, context=6, window=3, surrogate=Surrogate.published)


@pytest.mark.parametrize("with_kernels", [True, False])
@pytest.mark.parametrize("blend", [0.0, 0.5])
@pytest.mark.parametrize("neuron", [LoopedLif, SnnTorchLif])
def test_loss_gradients_and_statistics_are_the_models(neuron: NeuronFactory, blend: float, with_kernels: bool) -> None:
    torch.manual_seed(0)
    model = DSFormer(CONFIG, 3, 2).double()
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.5)
    plain = PlainDSFormer(CONFIG, 3, 2, neuron).double()
    plain.load_state_dict(model.state_dict())
    set_blend(model, blend)
    set_plain_blend(plain, blend)
    mask = torch.arange(6) >= torch.tensor([[0], [2], [5], [0]])
    inputs = [torch.randn(4, 6, width, dtype=torch.float64) for width in (3, 2, 1)]
    actions = (accelerate(model) if with_kernels else model)(*inputs, mask)
    torch.autograd.backward(actions.square().sum())
    expected = plain(*inputs, mask)
    torch.autograd.backward(expected.square().sum())
    assert torch.allclose(actions, expected, atol=1e-12)
    assert actions[mask].abs().min() > 0
    for (name, ours), theirs in zip(model.named_parameters(), plain.parameters(), strict=True):
        assert theirs.grad is not None
        gradient = torch.zeros_like(theirs) if ours.grad is None else ours.grad  # λ = 0: the layer norm takes no part
        assert torch.allclose(gradient, theirs.grad, atol=1e-10), name
    assert all(torch.allclose(*pair, atol=1e-12) for pair in zip(model.buffers(), plain.buffers(), strict=True))
