"""Each token mixing is its equation, written out as loops."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_models.configuration import BiasSharing, ModelConfig, PositionBias
from dsf_models.lif import Lif
from dsf_models.mixings import make_mixing
from dsf_models.mixings.delay import DelayMixing
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.mixings.position_weights import PairwiseWeights, RelativeWeights
from dsf_models.mixings.pssa import PSSA
from dsf_models.mixings.pssa_delay_matrix import PssaBesideDelayMatrix
from dsf_models.mixings.sdsa1 import SDSA1
from dsf_models.mixings.sdsa3 import SDSA3
from dsf_models.mixings.sssa import SSSA
from dsf_models.mixings.tssa import TSSA
from dsf_models.padding import TokenLayout
from dsf_models.population import PopulationLif, input_neurons
from support.mixing_cases import MIXING_CASES, MixingCase

T, B, K, D, HEADS, S = 3, 2, 6, 8, 2, 4
DIMENSIONS = ModelConfig(embedding_size=D, heads=HEADS, context=K, window=S, time_steps=T, blocks=1)
OF_ONE_LEVEL = [case for case in MIXING_CASES if case.levels == 1]  # the block's first neurons are not of a mixing
Array = NDArray[np.float64]


def config(mixing: str, **options: object) -> ModelConfig:
    return MixingCase(mixing, options).config(DIMENSIONS)


def spikes(seed: int) -> Tensor:
    """(T, B, K, D) of zeros and ones."""
    return (torch.rand(T, B, K, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) < 0.4).double()


def padded_layout() -> TokenLayout:
    """The second window has two tokens of padding."""
    return TokenLayout(torch.arange(K) >= torch.tensor([[0], [2]]))


def places(layout: TokenLayout) -> Iterator[tuple[int, int, int, int]]:
    """Every time step, window, real token and channel."""
    for t, b, i, c in np.ndindex(T, B, K, D):
        if layout.mask[b, i]:
            yield t, b, i, c


def attended(mixing: PSSA | TSSA | SSSA | SDSA3, layout: TokenLayout) -> tuple[Array, Array, Array, Array]:
    """The mixing's output for random q, k, v, as windows, beside these, padding zero."""
    q, k, v = (spikes(seed) * layout.mask[..., None] for seed in range(3))
    sums = mixing.attend(layout.pack(q), layout.pack(k), layout.pack(v), layout)
    return layout.unpack(sums).detach().numpy(), q.numpy(), k.numpy(), v.numpy()


@pytest.mark.parametrize("sharing", BiasSharing)
def test_pssa_weighs_the_past_by_distance(sharing: BiasSharing) -> None:
    """Eq. 6 and 7: ``q_i ⊙ Σ_{i−S<j≤i} p_{i−j} (k_j ⊙ v_j)``."""
    mixing, layout = PSSA(config("pssa", bias_sharing=sharing)).double(), padded_layout()
    assert isinstance(mixing.position, RelativeWeights)
    groups = {BiasSharing.layer: 1, BiasSharing.head: HEADS, BiasSharing.channel: D}[sharing]
    weight = np.random.default_rng(0).normal(size=(S, groups))
    assert mixing.position.weight.shape == weight.shape
    mixing.position.weight.data = torch.from_numpy(weight)
    result, q, k, v = attended(mixing, layout)
    expected = np.zeros_like(result)
    for t, b, i, c in places(layout):
        for j in range(max(0, i - S + 1), i + 1):
            expected[t, b, i, c] += q[t, b, i, c] * weight[i - j, c * groups // D] * k[t, b, j, c] * v[t, b, j, c]
    assert np.allclose(result, expected, atol=1e-12)
    assert np.abs(expected).max() > 0.5


def test_pssa_pairwise_weighs_each_pair_of_places() -> None:
    mixing = PSSA(config("pssa", position_bias=PositionBias.pairwise)).double()
    layout = padded_layout()
    assert isinstance(mixing.position, PairwiseWeights)
    weight = np.random.default_rng(0).normal(size=(K, K))
    mixing.position.weight.data = torch.from_numpy(weight)
    result, q, k, v = attended(mixing, layout)
    expected = np.zeros_like(result)
    for t, b, i, c in places(layout):
        for j in range(max(0, i - S + 1), i + 1):
            expected[t, b, i, c] += q[t, b, i, c] * weight[i, j] * k[t, b, j, c] * v[t, b, j, c]
    assert np.allclose(result, expected, atol=1e-12)


def head_of(channel: int) -> slice:
    size = D // HEADS
    return slice(channel // size * size, channel // size * size + size)


SCORED: tuple[dict[str, int], ...] = ({}, {"window": K}, {"score_limit": 1}, {"window": 2, "score_limit": 2})


def seen_by(token: int, settings: ModelConfig) -> range:
    return range(max(0, token - settings.window + 1), token + 1)


def limited(score: float, settings: ModelConfig) -> float:
    return min(score, settings.score_limit) if settings.score_limit else score


@pytest.mark.parametrize("options", SCORED, ids=str)
def test_sssa_maps_each_time_step(options: dict[str, int]) -> None:
    """Eq. 4: ``Σ_{i−S<j≤i} min(q_i · k_j, c) v_j`` at each time step, within a head."""
    layout = padded_layout()
    settings = config("sssa", **options)
    result, q, k, v = attended(SSSA(settings).double(), layout)
    expected = np.zeros_like(result)
    for t, b, i, c in places(layout):
        for j in seen_by(i, settings):
            score = (q[t, b, i, head_of(c)] * k[t, b, j, head_of(c)]).sum()
            expected[t, b, i, c] += limited(score, settings) * v[t, b, j, c]
    assert np.array_equal(result, expected)
    assert expected.max() > 1


@pytest.mark.parametrize("options", SCORED, ids=str)
def test_tssa_sums_its_map_over_time_steps(options: dict[str, int]) -> None:
    """Eq. 5: ``Σ_{i−S<j≤i} min(Σ_s q_i^s · k_j^s, c) v_j^t``, within a head."""
    layout = padded_layout()
    settings = config("tssa", **options)
    result, q, k, v = attended(TSSA(settings).double(), layout)
    expected = np.zeros_like(result)
    for t, b, i, c in places(layout):
        for j in seen_by(i, settings):
            score = (q[:, b, i, head_of(c)] * k[:, b, j, head_of(c)]).sum()
            expected[t, b, i, c] += limited(score, settings) * v[t, b, j, c]
    assert np.array_equal(result, expected)
    assert expected.max() > 1


def fired(current: Array) -> Array:
    """Eq. 1 on (T, ...) currents."""
    spikes, membrane = np.zeros_like(current), np.zeros(current.shape[1:])
    for t in range(len(current)):
        membrane = membrane + current[t]
        spikes[t] = membrane > 0.5
        membrane = np.where(membrane > 0.5, 0, 0.25 * membrane)
    return spikes


@pytest.mark.parametrize("window", [S, K])
def test_sdsa1_gates_the_spikes_of_a_causal_sum(window: int) -> None:
    """``q_i ⊙ SN(Σ_{i−S<j≤i} k_j ⊙ v_j)``, the published sum over all tokens cut at the query's own."""
    settings = config("sdsa1", window=window)
    layout, mixing = padded_layout(), SDSA1(settings).double()
    q, k, v = (spikes(seed) * layout.mask[..., None] for seed in range(3))
    inner: dict[str, Tensor] = {}
    output = mixing.fire(layout.pack(q), layout.pack(k), layout.pack(v), layout, inner)
    result = layout.unpack(output).detach().numpy()
    sums = np.zeros(result.shape)
    for t, b, i, c in places(layout):
        for j in seen_by(i, settings):
            sums[t, b, i, c] += (k[t, b, j, c] * v[t, b, j, c]).item()
    assert np.array_equal(layout.unpack(inner["sum"]).numpy(), fired(sums))
    assert np.array_equal(result, q.numpy() * fired(sums))
    assert 0.05 < result.mean() < 0.95


@pytest.mark.parametrize("window", [S, K])
def test_sdsa3_reads_a_causal_matrix_of_keys_and_values(window: int) -> None:
    """``0.125 · q_i (Σ_{i−S<j≤i} k_jᵀ v_j)`` within a head, the matrix written out."""
    layout = padded_layout()
    settings = config("sdsa3", window=window)
    result, q, k, v = attended(SDSA3(settings).double(), layout)
    expected = np.zeros_like(result)
    for t, b, i, c in places(layout):
        head = head_of(c)
        matrix = sum(np.outer(k[t, b, j, head], v[t, b, j, head]) for j in seen_by(i, settings))
        expected[t, b, i, c] = 0.125 * (q[t, b, i, head] @ matrix)[c - head.start]
    assert np.allclose(result, expected, atol=1e-12)
    assert expected.max() > 0.5


def test_delay_is_one_weight_matrix_a_distance() -> None:
    """``SN(BN₂(Σ_j p_j ⊙ BN₁(W s_{i−j})))`` and the output projection, with the batch norms written out."""
    torch.manual_seed(0)
    mixing, layout = DelayMixing(config("delay")).double().eval(), padded_layout()
    _stir(mixing)
    inputs = spikes(0) * layout.mask[..., None]
    recorded: dict[str, Tensor] = {}
    result = (
        layout.unpack(mixing(layout.pack(inputs), layout.pack(torch.zeros_like(inputs)), layout, recorded, "x"))
        .detach()
        .numpy()
    )
    output = layout.unpack(recorded["x.output"]).detach().numpy()

    weight, bias = (mixing.value.linear.weight.detach().numpy(), mixing.value.linear.bias.detach().numpy())
    position = mixing.position.weight.detach().numpy()
    inner, outer = _affine(mixing.value.norm), _affine(mixing.norm)
    current = np.zeros((T, B, K, D))
    for t, b, i, c in places(layout):
        mixed = 0.0
        for distance in range(S):
            if i - distance >= 0 and layout.mask[b, i - distance]:
                value = weight[c] @ inputs[t, b, i - distance].numpy() + bias[c]
                mixed += position[distance, c] * (inner[0][c] * value + inner[1][c])
        current[t, b, i, c] = outer[0][c] * mixed + outer[1][c]
    expected = fired(current)
    expected *= layout.mask.numpy()[..., None]
    assert np.array_equal(output, expected)
    assert 0.05 < expected[:, layout.mask.numpy()].mean() < 0.95

    project = mixing.project.linear.weight.detach().numpy(), mixing.project.linear.bias.detach().numpy()
    scale, shift = _affine(mixing.project.norm)
    last = scale * (expected @ project[0].T + project[1]) + shift
    assert np.allclose(result, last * layout.mask.numpy()[..., None], atol=1e-12)


@pytest.mark.parametrize("ratio", [1, 3])
def test_delay_matrix_is_a_free_matrix_a_distance(ratio: int) -> None:
    """``SN(BN(Σ_j (W_j s_{i−j} + b_j)))`` over tokens that exist."""
    torch.manual_seed(0)
    options = config("delay-matrix", mixing_ratio=ratio)
    mixing, layout = DelayMatrixMixing(options).double().eval(), padded_layout()
    _stir(mixing)
    inputs = spikes(0) * layout.mask[..., None]
    recorded: dict[str, Tensor] = {}
    mixing(layout.pack(inputs), layout.pack(torch.zeros_like(inputs)), layout, recorded, "x")
    output = layout.unpack(recorded["x.output"]).detach().numpy()

    weight = mixing.linear.weight.detach().numpy().reshape(S, ratio * D, D)
    bias = mixing.linear.bias.detach().numpy().reshape(S, ratio * D)
    scale, shift = _affine(mixing.norm)
    current = np.zeros((T, B, K, ratio * D))
    for t, b, i, _ in places(layout):
        seen = [d for d in range(S) if i - d >= 0 and layout.mask[b, i - d]]
        mixed = sum(weight[d] @ inputs[t, b, i - d].numpy() + bias[d] for d in seen)
        current[t, b, i] = scale * mixed + shift
    expected = fired(current) * layout.mask.numpy()[..., None]
    assert np.array_equal(output, expected)
    assert 0.05 < expected[:, layout.mask.numpy()].mean() < 0.95


def test_low_rank_matrices_are_products_with_one_shared_factor() -> None:
    """``SN(BN(Σ_j (A_j B s_{i−j} + b_j)))``, so it is the mixing of free matrices ``A_j B``."""
    torch.manual_seed(0)
    layout, rank = padded_layout(), 2
    low = DelayMatrixMixing(config("delay-matrix", mixing_rank=rank)).double().eval()
    _stir(low)
    assert low.shared is not None
    assert low.shared.shape == (rank, D)
    assert low.linear.weight.shape == (S * D, rank)
    free = DelayMatrixMixing(config("delay-matrix")).double().eval()
    given = {name: value for name, value in low.state_dict().items() if name != "shared"}
    free.load_state_dict(given | {"linear.weight": low.linear.weight @ low.shared})
    inputs = layout.pack(spikes(0))
    factored, product = (mixing(inputs, torch.zeros_like(inputs), layout, {}, "x") for mixing in (low, free))
    assert torch.allclose(factored, product, atol=1e-12)
    assert factored.std() > 0.1


def test_carried_membranes_go_on_from_token_to_token() -> None:
    """Eq. 1 over a window's tokens one after another: the state is 0 before the first real token and nowhere else."""
    torch.manual_seed(0)
    layout = padded_layout()
    options = config("delay-matrix", carry_membranes=True, beta=0.8)
    mixing, fresh = (DelayMatrixMixing(c).double().eval() for c in (options, config("delay-matrix", beta=0.8)))
    _stir(mixing)
    with torch.no_grad():
        _batch_norm(mixing.norm).weight.mul_(0.2)  # so that membranes stay between 0 and the threshold
    fresh.load_state_dict(mixing.state_dict())
    inputs = spikes(0) * layout.mask[..., None]
    recorded: list[dict[str, Tensor]] = [{}, {}]
    for each, kept in zip((mixing, fresh), recorded, strict=True):
        each(layout.pack(inputs), layout.pack(torch.zeros_like(inputs)), layout, kept, "x")
    output, anew = (layout.unpack(kept["x.output"]).detach().numpy() for kept in recorded)

    weight, bias = mixing.linear.weight.detach().numpy(), mixing.linear.bias.detach().numpy()
    scale, shift = _affine(mixing.norm)
    expected = np.zeros((T, B, K, D))
    for b in range(B):
        membrane = np.zeros(D)
        for i in np.flatnonzero(layout.mask[b].numpy()):
            for t in range(T):
                mixed = np.zeros(D)
                for d in range(S):
                    if i - d >= 0 and layout.mask[b, i - d]:
                        rows = slice(d * D, (d + 1) * D)
                        mixed += weight[rows] @ inputs[t, b, i - d].numpy() + bias[rows]
                membrane = membrane + scale * mixed + shift
                expected[t, b, i] = membrane > 0.5
                membrane = np.where(membrane > 0.5, 0, 0.8 * membrane)
    assert np.array_equal(output, expected)
    assert not np.array_equal(output, anew)
    assert np.array_equal(output[:, 0, 0], anew[:, 0, 0])
    assert np.array_equal(output[:, 1, 2], anew[:, 1, 2])


def test_pssa_and_delays_stand_side_by_side() -> None:
    """Both read the same spikes, and their currents are added."""
    torch.manual_seed(0)
    layout, mixing = padded_layout(), PssaBesideDelayMatrix(config("pssa-delay-matrix")).double().eval()
    _stir(mixing)
    inputs, residual = layout.pack(spikes(0)), layout.pack(spikes(1))
    recorded: dict[str, Tensor] = {}
    both = mixing(inputs, residual, layout, recorded, "x")
    of_pssa: dict[str, Tensor] = {}
    of_delay: dict[str, Tensor] = {}
    pssa = mixing.pssa(inputs, torch.zeros_like(residual), layout, of_pssa, "x")
    delay = mixing.delay(inputs, torch.zeros_like(residual), layout, of_delay, "x")
    assert torch.allclose(both, residual + pssa + delay, atol=1e-12)
    assert pssa.std() > 0.1
    assert delay.std() > 0.1
    assert list(recorded) == ["x.delay.output", "x.query", "x.key", "x.value", "x.output"]
    assert torch.equal(recorded["x.output"], of_pssa["x.output"])
    assert torch.equal(recorded["x.delay.output"], of_delay["x.output"])


def test_a_population_code_asks_at_several_levels() -> None:
    """Neuron m of a channel is eq. 1 with ``U + o_m``, and the copies stand one after another."""
    levels = 3
    population = PopulationLif(config("delay-matrix", levels=levels)).double()
    assert population.offset.shape == (levels, D)
    assert population.offset[:, 0].tolist() == [-1.0, 0.0, 1.0]
    population.offset.data = torch.randn(levels, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    current = torch.randn(T, 5, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    result = population(current).detach().numpy()
    assert result.shape == (T, 5, levels * D)
    for level in range(levels):
        expected = fired((current + population.offset[level]).detach().numpy())
        assert np.array_equal(result[..., level * D : (level + 1) * D], expected)
    torch.autograd.backward(population(current).sum())
    assert population.offset.grad is not None
    assert population.offset.grad.any()
    assert type(input_neurons(config("delay-matrix"))) is Lif


@pytest.mark.parametrize("case", OF_ONE_LEVEL, ids=str)
def test_a_token_sees_no_later_one(case: MixingCase) -> None:
    changed = _influence(case.config(DIMENSIONS), token=3)
    assert not changed[:3].any()
    assert changed[3]
    assert changed[4:].any()


@pytest.mark.parametrize("case", [case for case in OF_ONE_LEVEL if not case.sees_all], ids=str)
def test_a_token_sees_no_further_than_its_window(case: MixingCase) -> None:
    changed = _influence(case.config(DIMENSIONS), token=0)
    assert changed[S - 1]
    assert not changed[S:].any()


def _influence(config: ModelConfig, token: int) -> NDArray[np.bool_]:
    """The tokens whose outputs depend on the input of ``token``, shape (K,)."""
    torch.manual_seed(0)
    mixing, layout = make_mixing(config).double().eval(), TokenLayout(torch.ones(B, K, dtype=torch.bool))
    _stir(mixing)

    def run(inputs: Tensor) -> Tensor:
        return layout.unpack(mixing(layout.pack(inputs), layout.pack(torch.zeros_like(inputs)), layout, {}, "x"))

    changed = np.zeros(K, dtype=bool)
    for seed in range(20):
        inputs = spikes(seed)
        other = inputs.clone()
        other[:, :, token] = 1 - other[:, :, token]
        changed |= (run(inputs) != run(other)).any(dim=3).any(dim=1).any(dim=0).numpy()
    return changed


def _stir(mixing: torch.nn.Module) -> None:
    """Random weights and statistics under which the neurons fire."""
    for name, value in [*mixing.named_parameters(), *mixing.named_buffers()]:
        if value.is_floating_point():
            positive = "var" in name or "position" in name
            value.data = torch.rand_like(value) + 0.4 if positive else 0.6 * torch.randn_like(value) + 0.2


def _affine(norm: torch.nn.Module) -> tuple[Array, Array]:
    """A PTBN in evaluation as scale and shift."""
    batch = _batch_norm(norm)
    assert batch.running_var is not None
    assert batch.running_mean is not None
    scale = batch.weight.detach() / (batch.running_var + 1e-5).sqrt()
    return scale.numpy(), (batch.bias.detach() - scale * batch.running_mean).numpy()


def _batch_norm(norm: torch.nn.Module) -> torch.nn.BatchNorm1d:
    batch = norm.batch_norm
    assert isinstance(batch, torch.nn.BatchNorm1d)
    return batch
