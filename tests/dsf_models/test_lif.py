"""The fused neuron is snnTorch's `Leaky`, in its spikes and in its gradient."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dsf_models.configuration import ModelConfig
from dsf_models.kernels.accelerate import accelerate
from dsf_models.lif import Lif
from support.plain_dsformer import SnnTorchLif


@pytest.fixture(scope="module", params=[Lif, lambda *constants: accelerate(Lif(*constants))], ids=["torch", "kernel"])
def neurons(request: pytest.FixtureRequest) -> Callable[[float, float], Lif]:
    """PyTorch's form and the compiled one."""
    made: Callable[[float, float], Lif] = request.param
    return made


def snntorch_spikes(current: Tensor, beta: float, threshold: float) -> Tensor:
    """snnTorch's neuron over the first axis of ``current``: a spike empties the membrane before the next step."""
    spikes: Tensor = SnnTorchLif(ModelConfig(beta=beta, threshold=threshold))(current)
    return spikes


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    time_steps=st.integers(1, 9),
    beta=st.integers(0, 63).map(lambda parts: parts / 64),  # exact in the float32 that snnTorch keeps it in
    threshold=st.integers(4, 128).map(lambda parts: parts / 64),
    scale=st.floats(0.1, 3),
)
def test_spikes_and_gradient_are_snntorchs(
    neurons: Callable[[float, float], Lif], seed: int, time_steps: int, beta: float, threshold: float, scale: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = scale * torch.randn(time_steps, 3, 16, generator=generator, dtype=torch.float64)
    weight = torch.randn(time_steps, 3, 16, generator=generator, dtype=torch.float64)
    ours, theirs = (values.clone().requires_grad_() for _ in range(2))
    spikes, expected = neurons(beta, threshold)(ours), snntorch_spikes(theirs, beta, threshold)
    assert torch.equal(spikes, expected)
    torch.autograd.backward((spikes * weight).sum())
    torch.autograd.backward((expected * weight).sum())
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(ours.grad, theirs.grad, rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    kind=st.sampled_from([torch.float32, torch.float64]),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    time_steps=st.integers(1, 5),
    beta=st.sampled_from([0, 0.25, 0.5, 0.75]),
    threshold=st.integers(1, 16).map(lambda parts: parts / 8),
)
def test_exact_sums_give_snntorchs_very_bits(
    neurons: Callable[[float, float], Lif],
    seed: int,
    kind: torch.dtype,
    shape: list[int],
    time_steps: int,
    beta: float,
    threshold: float,
) -> None:
    """Eighths, which neither precision rounds, and which often fall on the threshold and on the surrogate's edges."""
    generator = torch.Generator().manual_seed(seed)
    values, weight = (torch.randint(-16, 17, (time_steps, *shape), generator=generator).to(kind) / 8 for _ in range(2))
    ours, theirs = (values.clone().requires_grad_() for _ in range(2))
    spikes, expected = neurons(beta, threshold)(ours), snntorch_spikes(theirs, beta, threshold)
    assert spikes.dtype is kind
    assert torch.equal(spikes, expected)
    torch.autograd.backward((spikes * weight).sum())
    torch.autograd.backward((expected * weight).sum())
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.equal(ours.grad, theirs.grad)


def test_comparison_sees_both_values_and_a_gradient() -> None:
    current = torch.randn(4, 1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    spikes = snntorch_spikes(current, 0.25, 0.5)
    torch.autograd.backward(spikes.sum())
    assert 0.1 < spikes.mean() < 0.9
    assert current.grad is not None
    assert current.grad.count_nonzero() > 1000


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_membrane_at_the_threshold_stays_silent(neurons: Callable[[float, float], Lif], kind: torch.dtype) -> None:
    at = torch.tensor([0.5], dtype=kind)
    above = torch.nextafter(at, torch.tensor([1.0], dtype=kind))
    assert neurons(0.25, 0.5)(torch.stack([at, 0 * at])).tolist() == [[0.0], [0.0]]
    assert neurons(0.25, 0.5)(torch.stack([above, 0 * at])).tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_membrane_at_the_threshold_is_kept_and_one_above_is_reset(
    neurons: Callable[[float, float], Lif], kind: torch.dtype
) -> None:
    """0.25 · 0.5 + 0.4 exceeds the threshold, 0.4 alone does not."""
    at = torch.tensor([0.5], dtype=kind)
    above = torch.nextafter(at, torch.tensor([1.0], dtype=kind))
    later = torch.tensor([0.4], dtype=kind)
    assert neurons(0.25, 0.5)(torch.stack([at, later]))[1].item() == 1
    assert neurons(0.25, 0.5)(torch.stack([above, later]))[1].item() == 0


def test_reset_carries_no_gradient(neurons: Callable[[float, float], Lif]) -> None:
    """A spike at the first step cuts the second off from the first's current."""
    current = torch.tensor([[0.8], [0.4]], requires_grad=True)
    torch.autograd.backward(neurons(0.25, 0.5)(current)[1].sum())
    assert current.grad is not None
    assert current.grad.flatten().tolist() == [0.0, 1.0]


def test_input_is_left_alone(neurons: Callable[[float, float], Lif]) -> None:
    current = torch.full((3, 2), 0.7)
    neurons(0.25, 0.5)(current)
    assert torch.equal(current, torch.full((3, 2), 0.7))
