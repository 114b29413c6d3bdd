"""Surrogate gradients: their equations, over time steps, by kernels, and which of them let an attention learn."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_models import DSFormer
from dsf_models.configuration import ModelConfig, Surrogate
from dsf_models.kernels.accelerate import accelerate
from dsf_models.lif import Lif
from dsf_models.mixings import mixing_names
from dsf_models.surrogates import PUBLISHED, Arctangent, Rectangle, SurrogateGradient, Triangle, surrogate_gradient

THRESHOLD = 0.5
SLOPES: dict[SurrogateGradient, Callable[[float], float]] = {
    PUBLISHED: lambda x: float(abs(x) < 0.5),
    Rectangle(0.75): lambda x: float(abs(x) < 0.75),
    Triangle(): lambda x: max(0.0, 1 - abs(x)),
    Arctangent(): lambda x: 1 / (1 + (math.pi * x) ** 2),
}
# Of a DSFormer's attentions, the weights that the published form gives a gradient of exactly 0 at the start.
FROZEN_AS_PUBLISHED = {
    "pssa": {"query.linear", "key.linear", "value.linear", "position"},
    "tssa": {"query.linear", "key.linear", "value.linear"},
    "sssa": {"query.linear", "key.linear", "value.linear"},
    "sdsa1": {"key.linear", "value.linear"},
    "pssa-delay-matrix": {"pssa.query.linear", "pssa.key.linear", "pssa.value.linear", "pssa.position"},
}


def gradient_of(neuron: Lif, current: Tensor, outer: Tensor) -> Tensor:
    leaf = current.clone().requires_grad_()
    torch.autograd.backward((neuron(leaf) * outer).sum())
    assert leaf.grad is not None
    return leaf.grad


@pytest.mark.parametrize("surrogate", SLOPES, ids=repr)
def test_gradient_of_one_step_is_the_equation(surrogate: SurrogateGradient) -> None:
    membranes = torch.arange(-24, 25, dtype=torch.float64) / 8  # also on the bounds, which are left out
    gradient = gradient_of(Lif(0.25, THRESHOLD, surrogate), membranes[None], torch.ones(1, len(membranes)))
    expected = [SLOPES[surrogate](float(membrane) - THRESHOLD) for membrane in membranes]
    assert torch.allclose(gradient[0], torch.tensor(expected, dtype=torch.float64), rtol=1e-14, atol=0)


@pytest.mark.parametrize("surrogate", SLOPES, ids=repr)
def test_gradient_over_time_passes_silent_neurons_alone(surrogate: SurrogateGradient) -> None:
    """``G[t] = ∂S[t]·σ'(U[t] − V_th) + (1 − S[t])·β·G[t+1]``."""
    beta, steps = 0.25, 5
    current, outer = (torch.randn(steps, 40, dtype=torch.float64, generator=_generator(seed)) for seed in (0, 1))
    membrane, membranes = torch.zeros(40, dtype=torch.float64), []
    for step in current:
        membranes.append(step + beta * membrane)
        membrane = membranes[-1] * (membranes[-1] <= THRESHOLD)
    later, expected = torch.zeros(40, dtype=torch.float64), []
    for grad_spikes, reached in zip(reversed(outer), reversed(membranes), strict=True):
        slope = torch.tensor([SLOPES[surrogate](float(value) - THRESHOLD) for value in reached], dtype=torch.float64)
        later = grad_spikes * slope + beta * later * (reached <= THRESHOLD)
        expected.append(later)
    gradient = gradient_of(Lif(beta, THRESHOLD, surrogate), current, outer)
    assert torch.allclose(gradient, torch.stack(expected[::-1]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("surrogate", SLOPES, ids=repr)
def test_all_but_another_width_have_the_area_of_a_step(surrogate: SurrogateGradient) -> None:
    membranes = torch.linspace(-500, 500, 2_000_001, dtype=torch.float64)
    slope = gradient_of(Lif(0.0, THRESHOLD, surrogate), membranes[None], torch.ones(1, len(membranes)))
    area = float(torch.trapezoid(slope[0], membranes))
    assert area == pytest.approx(1.5 if surrogate == Rectangle(0.75) else 1, abs=2e-3)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model_of(mixing: str, surrogate: Surrogate, **options: object) -> DSFormer:
    torch.manual_seed(0)
    config = ModelConfig(
        embedding_size=16,
        blocks=1,
        context=8,
        window=6,
        mixing=mixing,
        surrogate=surrogate,
        streaming=False,
        **options,  # type: ignore[arg-type]
    )
    return DSFormer(config, observation_size=3, action_size=2).train()


def weight_gradients(model: DSFormer, call: Callable[..., Tensor]) -> dict[str, Tensor]:
    """Gradients of a batch in which every sum of spikes is met, by the names of the attention's weights."""
    kind = model.head.weight.dtype
    states = torch.randn(4, 8, 3, generator=_generator(1), dtype=kind)
    actions = call(
        states, *(torch.ones(4, 8, width, dtype=kind) for width in (2, 1)), torch.ones(4, 8, dtype=torch.bool)
    )
    torch.autograd.backward((actions - 1).square().mean())
    prefix = "blocks.0.attention."
    return {
        name.removeprefix(prefix).removesuffix(".weight"): weight.grad
        for name, weight in model.named_parameters()
        if name.startswith(prefix) and name.endswith((".linear.weight", "position.weight")) and weight.grad is not None
    }


@pytest.mark.parametrize("surrogate", Surrogate)
@pytest.mark.parametrize("form", ["torch", "kernels"])
@pytest.mark.parametrize("mixing", mixing_names())
def test_every_weight_of_a_mixing_learns_from_the_start(mixing: str, form: str, surrogate: Surrogate) -> None:
    """The published form is the exception: a sum of spikes is a whole number, and there it is 0."""
    model = model_of(mixing, surrogate)
    gradients = weight_gradients(model, model if form == "torch" else accelerate(model))
    frozen = {name for name, gradient in gradients.items() if not gradient.any()}
    assert len(gradients) > 1
    assert frozen == (FROZEN_AS_PUBLISHED.get(mixing, set()) if surrogate is Surrogate.published else set())


def test_a_lower_threshold_frees_all_but_position_weights() -> None:
    """It frees sums that are 0, where a key and a value that fire together are none of the sum's, or unseen."""
    model = model_of("pssa", Surrogate.published, threshold=0.4)
    assert {name for name, gradient in weight_gradients(model, model).items() if not gradient.any()} == {"position"}


@pytest.mark.parametrize("surrogate", Surrogate)
@pytest.mark.parametrize("mixing", ["pssa", "tssa", "delay-matrix"])
def test_gradients_by_kernels_are_those_of_the_model(mixing: str, surrogate: Surrogate) -> None:
    """Of smooth surrogates kernels compute the layers, PyTorch the neurons."""
    gradients = []
    for compiled in (False, True):
        model = model_of(mixing, surrogate).double()
        gradients.append(weight_gradients(model, accelerate(model) if compiled else model))
    ours, theirs = gradients
    assert ours.keys() == theirs.keys()
    for name, gradient in ours.items():
        assert torch.allclose(gradient, theirs[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("surrogate", Surrogate)
def test_actions_do_not_depend_on_the_surrogate(surrogate: Surrogate) -> None:
    batch = torch.randn(4, 8, 3), torch.zeros(4, 8, 2), torch.ones(4, 8, 1), torch.ones(4, 8, dtype=torch.bool)
    assert torch.equal(model_of("pssa", surrogate)(*batch), model_of("pssa", Surrogate.published)(*batch))


def test_configurations_surrogates() -> None:
    assert surrogate_gradient(ModelConfig()) == Rectangle(0.501)
    assert surrogate_gradient(ModelConfig(surrogate=Surrogate.published)) == Rectangle(0.5)
    assert surrogate_gradient(ModelConfig(surrogate=Surrogate.rectangle, surrogate_half_width=2)) == Rectangle(2)


@pytest.mark.parametrize("half_width", [0.0, -1.0, math.inf, math.nan])
def test_an_impossible_half_width_is_refused(half_width: float) -> None:
    with pytest.raises(UserError, match="surrogate_half_width"):
        ModelConfig(surrogate_half_width=half_width).validate()
