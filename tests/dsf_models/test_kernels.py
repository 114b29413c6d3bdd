"""Every compiled kernel is the PyTorch form that it stands for, in its values and in all its gradients."""

from __future__ import annotations

import copy
import operator
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar, cast

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dsf_models import DSFormer, distributed
from dsf_models.configuration import BiasSharing, ModelConfig
from dsf_models.kernels import accelerate as seam
from dsf_models.kernels import parallel, spike_product
from dsf_models.kernels.accelerate import accelerate, serves
from dsf_models.kernels.compiled_modules import CompiledBlock, CompiledSpikingLinear, FusedAttention
from dsf_models.kernels.fused import PackSpikes, fused_output
from dsf_models.kernels.lif import pack
from dsf_models.kernels.spiking_layer import SpikingLayers
from dsf_models.lif import Lif
from dsf_models.mixings.attention import Attention
from dsf_models.mixings.pssa import PSSA
from dsf_models.mixings.sdsa1 import SDSA1
from dsf_models.mixings.sdsa3 import SDSA3
from dsf_models.mixings.sssa import SSSA
from dsf_models.mixings.tssa import TSSA
from dsf_models.normalisation import PTBN, set_blend
from dsf_models.padding import TokenLayout
from dsf_models.spiking_layers import NormalisedLinear, SpikeLinear, SpikingLinear
from support.mixing_cases import MIXINGS

KINDS = st.sampled_from([torch.float32, torch.float64])
SEEDS = st.integers(0, 2**31)
FEW = {
    torch.float32: 16,
    torch.float64: 2,
}  # rows: over two, a norm's gradient is rounding alone
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}  # of the largest number of a tensor, or of 1


def numbers(seed: int, *shape: int, kind: torch.dtype) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(kind)


M = TypeVar("M", bound=nn.Module)


def results(module: nn.Module, function: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    """The function's value, the gradients of its inputs and of the module's parameters, and the module's buffers."""
    leaves = [values.clone().requires_grad_() for values in inputs]
    module.zero_grad()
    value = function(*leaves)
    torch.autograd.backward((value * numbers(7, *value.shape, kind=value.dtype)).sum())
    gradients = [leaf.grad for leaf in (*leaves, *module.parameters()) if leaf.grad is not None]
    return [tensor.detach().clone() for tensor in (value, *gradients, *module.buffers())]


def both_forms(
    module: M, *inputs: Tensor, call: Callable[..., Tensor] = lambda form, *inputs: form(*inputs)
) -> tuple[list[Tensor], list[Tensor]]:
    """Results of the kernel and of the PyTorch form, from the same state."""
    compiled = accelerate(module)
    assert compiled is not module
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    ours = results(module, partial(call, compiled), *inputs)
    module.load_state_dict(state)
    return ours, results(module, partial(call, module), *inputs)


def assert_close(ours: Sequence[Tensor], theirs: Sequence[Tensor], tolerance: float) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype is other.dtype
        scale = max(1.0, float(other.abs().max()))
        assert torch.allclose(mine, other, rtol=0, atol=tolerance * scale)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=KINDS, shape=st.lists(st.integers(1, 70), min_size=2, max_size=2), steps=st.integers(1, 5))
def test_neuron_is_the_pytorch_form_bit_for_bit(seed: int, kind: torch.dtype, shape: list[int], steps: int) -> None:
    """Eighths, which no precision rounds."""
    generator = torch.Generator().manual_seed(seed)
    current = torch.randint(-16, 17, (steps, *shape), generator=generator).to(kind) / 8
    ours, theirs = both_forms(
        Lif(0.25, 0.5), current, call=lambda neuron, values: neuron(values) * torch.arange(shape[-1])
    )
    assert all(map(torch.equal, ours, theirs))


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    kind=KINDS,
    steps=st.integers(1, 4),
    tokens=st.integers(2, 150),
    channels=st.integers(8, 40),
    blend=st.sampled_from([0.0, 0.3, 1.0]),
    offset=st.sampled_from([0.0, 10.0]),
)
def test_norm_is_the_pytorch_form(
    seed: int, kind: torch.dtype, steps: int, tokens: int, channels: int, blend: float, offset: float
) -> None:
    """Also its running statistics; numbers whose mean is ten deviations away have a digit less."""
    norm = PTBN(channels, 0.5).to(kind)
    with torch.no_grad():
        for n, parameter in enumerate(norm.parameters()):
            parameter.copy_(numbers(seed + n, channels, kind=kind))
    norm.blend = blend
    current = numbers(seed, steps, max(tokens, FEW[kind]), channels, kind=kind) + offset
    ours, theirs = both_forms(norm, current)
    if not blend:  # the layer norm has no gradient then, in either form
        assert norm.layer_norm.weight.grad is None
    assert_close(ours, theirs, TOLERANCE[kind] * (100 if offset else 10))


def layer_of(kind: torch.dtype, inputs: int, outputs: int, seed: int) -> SpikingLinear:
    """Neurons after a Linear and a norm with scales and shifts of its own."""
    layer = SpikingLinear(inputs, outputs, ModelConfig()).to(kind)
    with torch.no_grad():
        for n, parameter in enumerate(layer.parameters()):
            parameter.copy_(numbers(seed + n, *parameter.shape, kind=kind))
    return layer


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    steps=st.integers(1, 5),
    tokens=st.integers(1, 150),
    outputs=st.integers(1, 40),
    blend=st.sampled_from([0.0, 0.3]),
)
def test_layer_is_the_pytorch_form(seed: int, steps: int, tokens: int, outputs: int, blend: float) -> None:
    """Product, norm and neurons; in float64 alone, since rounding in float32 makes a neuron at its threshold differ."""
    layer = layer_of(torch.float64, 12, outputs, seed)
    layer.norm.blend = blend
    tokens = max(tokens, 3 - steps)  # a batch norm needs two rows
    spikes = (numbers(seed, steps, tokens, 12, kind=torch.float64) > 0).double()
    ours, theirs = both_forms(layer, spikes)
    assert_close(ours, theirs, 1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, kind=KINDS, steps=st.integers(1, 5), tokens=st.integers(2, 150), channels=st.integers(1, 40))
@example(seed=11074, kind=torch.float32, steps=1, tokens=2, channels=1)
def test_layer_in_one_pass_is_norm_and_neuron_in_turn(
    seed: int, kind: torch.dtype, steps: int, tokens: int, channels: int
) -> None:
    """Spikes and running statistics bit for bit; gradients add the same numbers in another order.

    The gradient of the bias before a batch norm is 0, and both ways have rounding alone to show for it.
    """
    layer = layer_of(kind, channels, channels, seed)
    layer.linear.bias.requires_grad_(False)
    spikes = (numbers(seed, steps, max(tokens, FEW[kind]), channels, kind=kind) > 0).to(kind)
    state = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    compiled = accelerate(layer)
    ours = results(layer, compiled, spikes)
    layer.load_state_dict(state)
    theirs = results(layer, lambda values: compiled.neuron(compiled.norm(compiled.linear(values))), spikes)
    assert torch.equal(ours[0], theirs[0])
    assert all(map(torch.equal, ours[-3:], theirs[-3:]))
    assert_close(ours, theirs, 10 * TOLERANCE[kind])


def test_layers_side_by_side_are_those_layers() -> None:
    """Bit for bit in eighths: spikes, and the running statistics that each norm has for itself."""
    layers = [layer_of(torch.float64, 12, 7, seed) for seed in (1, 2, 3)]
    spikes = (numbers(0, 4, 90, 12, kind=torch.float64) > 0).double()
    states = [{name: tensor.clone() for name, tensor in layer.state_dict().items()} for layer in layers]
    compiled = cast(list[CompiledSpikingLinear], [accelerate(layer) for layer in layers])
    together = results(
        nn.ModuleList(layers), lambda inputs: fused_output([PackSpikes(), SpikingLayers(compiled)], inputs), spikes
    )
    for layer, state in zip(layers, states, strict=True):
        layer.load_state_dict(state)
    alone = results(nn.ModuleList(layers), lambda inputs: torch.cat([layer(inputs) for layer in compiled], -1), spikes)
    assert_close(together, alone, 1e-10)


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    steps=st.integers(1, 5),
    tokens=st.integers(2, 150),
    outputs=st.integers(1, 40),
    blend=st.sampled_from([0.0, 0.3]),
)
def test_addition_to_the_residual_stream_is_the_pytorch_form(
    seed: int, steps: int, tokens: int, outputs: int, blend: float
) -> None:
    layer = NormalisedLinear(12, outputs, ModelConfig()).double()
    layer.norm.blend = blend
    with torch.no_grad():
        for n, parameter in enumerate(layer.parameters()):
            parameter.copy_(numbers(seed + n, *parameter.shape, kind=torch.float64))
    spikes = (numbers(seed, steps, tokens, 12, kind=torch.float64) > 0).double()
    residual = numbers(seed + 1, steps, tokens, outputs, kind=torch.float64)
    ours, theirs = both_forms(layer, residual, spikes, call=lambda form, *inputs: form.onto(*inputs))
    assert_close(ours, theirs, 1e-9)


def test_bias_before_a_batch_norm_has_no_gradient() -> None:
    """Its rounding errors, which AdamW would scale up to full steps, are not summed."""
    layer = layer_of(torch.float32, 16, 16, seed=0)
    accelerate(layer)((numbers(0, 4, 30, 16, kind=torch.float32) > 0).float()).sum().backward()
    assert layer.linear.bias.grad is not None
    assert not layer.linear.bias.grad.any()


def attention(mixing: Attention, factors: Tensor, layout: TokenLayout) -> Tensor:
    """Spikes of the attention's neurons from q, k and v side by side, in the form that ``mixing`` has."""
    if isinstance(mixing, FusedAttention):
        return fused_output([PackSpikes(), *mixing.neurons(layout)], factors)
    query, key, value = factors.chunk(3, dim=-1)
    return mixing.fire(query, key, value, layout, {})


PADDING = st.lists(st.integers(0, 6), min_size=1, max_size=9)


def attentions(mixing: Attention, seed: int, padding: list[int]) -> tuple[list[Tensor], list[Tensor]]:
    """Both forms' results of windows of six tokens, each padded by its own number; some hold padding alone."""
    kind = mixing.query.linear.weight.dtype
    layout = TokenLayout(torch.arange(6) >= torch.tensor([*padding, 0])[:, None])
    tokens = int(layout.mask.sum())
    factors = (numbers(seed, 3, tokens, 24, kind=kind) > 0).to(kind)
    return both_forms(mixing, factors, call=lambda form, spikes: attention(form, spikes, layout))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=KINDS, padding=PADDING, window=st.integers(1, 8), sharing=st.sampled_from(list(BiasSharing)))
def test_gated_sum_is_the_pytorch_form(
    seed: int, kind: torch.dtype, padding: list[int], window: int, sharing: BiasSharing
) -> None:
    config = ModelConfig(
        embedding_size=8, heads=2, context=6, window=window, bias_sharing=sharing, streaming=False, mixing="pssa"
    )
    mixing = PSSA(config).to(kind)
    with torch.no_grad():  # eighths, which no precision rounds: a neuron at its threshold is there in both forms
        mixing.position.weight.copy_((8 * numbers(seed + 9, *mixing.position.weight.shape, kind=kind)).round() / 8)
    assert_close(*attentions(mixing, seed, padding), TOLERANCE[kind])


@pytest.mark.parametrize("mixing", [TSSA, SSSA, SDSA1, SDSA3])
@settings(max_examples=20, deadline=None)
@given(
    seed=SEEDS,
    kind=KINDS,
    padding=PADDING,
    window=st.integers(1, 8),
    heads=st.sampled_from([1, 2, 4]),
    limit=st.integers(0, 3),
    threshold=st.sampled_from([0.5, 2.0]),
)
def test_sum_of_the_past_is_the_pytorch_form(
    mixing: type[Attention],
    seed: int,
    kind: torch.dtype,
    padding: list[int],
    window: int,
    heads: int,
    limit: int,
    threshold: float,
) -> None:
    """Sums of spikes are whole numbers, which no precision rounds."""
    config = ModelConfig(embedding_size=8, heads=heads, context=6, window=window, streaming=False, threshold=threshold)
    config.score_limit = limit  # SDSA-1 has no scores and does not ask for it
    assert_close(*attentions(mixing(config).to(kind), seed, padding), TOLERANCE[kind])


@pytest.mark.parametrize(("inputs", "outputs"), [(7, 5), (16, 48), (48, 16), (32, 64), (128, 192), (96, 64), (32, 65)])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_products_are_those_of_a_linear(inputs: int, outputs: int, kind: torch.dtype) -> None:
    """Tables serve where inputs come in 32s and outputs in 64s."""
    layer = SpikeLinear(inputs, outputs).to(kind)
    assert spike_product.fits(layer.weight) == (inputs % 32 == 0 and outputs % 64 == 0)
    spikes = (numbers(0, 4, 30, inputs, kind=kind) > 0).to(kind)
    ours, theirs = both_forms(layer, spikes)
    assert_close(ours, theirs, TOLERANCE[kind])


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    kind=KINDS,
    rows=st.integers(1, 600),
    inputs=st.sampled_from([32, 64, 160]),
    outputs=st.sampled_from([64, 192]),
    rate=st.sampled_from([0.0, 0.03, 0.5, 1.0]),
)
def test_tables_give_the_dense_products(
    seed: int, kind: torch.dtype, rows: int, inputs: int, outputs: int, rate: float
) -> None:
    spikes = (torch.rand(rows, inputs, generator=torch.Generator().manual_seed(seed)) < rate).to(kind)
    weight, bias = numbers(seed, outputs, inputs, kind=kind), numbers(seed + 1, outputs, kind=kind)
    outer = numbers(seed + 2, rows, outputs, kind=kind)
    codes = spike_product.encode(pack(spikes.numpy()))
    sums, moments = spike_product.product(codes, weight, bias)
    ours = torch.from_numpy(sums), spike_product.grad_weight(codes, outer)
    exact = [values.double() for values in (spikes, weight, bias, outer)]
    theirs = exact[0] @ exact[1].t() + exact[2], exact[3].t() @ exact[0]
    assert_close(ours, [values.to(kind) for values in theirs], TOLERANCE[kind])
    variance, mean = torch.var_mean(theirs[0], dim=0, correction=0)
    assert_close(
        [torch.from_numpy(moments.mean), torch.from_numpy(moments.variance)], [mean, variance], 10 * TOLERANCE[kind]
    )
    assert moments.rows == rows


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("blend", [0.0, 0.5])
@pytest.mark.parametrize("size", [16, 64])
def test_model_is_the_same_with_and_without_kernels(mixing: str, blend: float, size: int) -> None:
    config = ModelConfig(embedding_size=size, blocks=2, context=6, window=3, mixing=mixing, streaming=False)
    torch.manual_seed(0)
    model = DSFormer(config, 3, 2).double()
    set_blend(model, blend)
    mask = torch.arange(6) >= torch.tensor([[0], [2], [5], [0]])
    inputs = [numbers(seed, 4, 6, width, kind=torch.float64) for seed, width in enumerate((3, 2, 1))]
    ours, theirs = both_forms(model, *inputs, call=lambda form, *tokens: form(*tokens, mask))
    assert_close(ours, theirs, 1e-9)


@pytest.mark.parametrize("mixing", ["pssa", "tssa", "sssa", "sdsa1", "sdsa3"])
def test_half_a_block_of_each_attention_is_one_node(mixing: str) -> None:
    config = ModelConfig(embedding_size=16, context=6, window=3, mixing=mixing, streaming=False)
    assert all(isinstance(block, CompiledBlock) for block in accelerate(DSFormer(config, 3, 2)).blocks)


def small_model() -> DSFormer:
    torch.manual_seed(0)
    return DSFormer(ModelConfig(embedding_size=16, context=6, window=3), 3, 2)


def small_inputs() -> list[Tensor]:
    tokens = [numbers(seed, 4, 6, width, kind=torch.float32) for seed, width in enumerate((3, 2, 1))]
    return [*tokens, torch.ones(4, 6, dtype=torch.bool)]


def test_the_model_stays_as_it_was() -> None:
    """Its modules, its evaluation and its copies know nothing of kernels, and its weights keep their names."""
    model = small_model()
    names, kinds = list(model.state_dict()), [type(module) for module in model.modules()]
    expected = model.eval()(*small_inputs())
    form = accelerate(model.train())
    assert [type(module) for module in model.modules()] == kinds
    assert list(model.state_dict()) == names == list(form.state_dict())
    assert torch.equal(model.eval()(*small_inputs()), expected)
    copied = copy.deepcopy(model).double().eval()
    assert copied(*(part.double() for part in small_inputs()[:3]), small_inputs()[3]).dtype is torch.float64
    assert torch.equal(pickle.loads(pickle.dumps(model))(*small_inputs()), expected)


def test_the_form_is_the_model_in_all_that_changes_between_steps() -> None:
    """Weights, statistics, λ and whether it trains: what either is given, the other has."""
    model = small_model()
    form = accelerate(model)
    assert all(map(operator.is_, model.parameters(), form.parameters()))
    before = [buffer.clone() for buffer in model.buffers()]
    set_blend(model, 0.3)
    assert {norm.blend for norm in form.modules() if isinstance(norm, PTBN)} == {0.3}
    form(*small_inputs()).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert not any(map(torch.equal, before, model.buffers()))
    model.eval()
    with pytest.raises(ValueError, match="in training alone"):
        form(*small_inputs())
    model.train().double()
    form(*(part.double() for part in small_inputs()[:3]), small_inputs()[3]).sum().backward()


def test_whether_kernels_serve_is_asked_once_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[nn.Module] = []

    def counted(model: nn.Module) -> bool:
        asked.append(model)
        return serves(model)

    monkeypatch.setattr(seam, "serves", counted)
    form = accelerate(small_model())
    for blend in (0.5, 0.0, 0.0):
        set_blend(form, blend)
        form(*small_inputs()).sum().backward()
    assert len(asked) == 1


def test_kernels_serve_float32_and_float64_on_the_cpu_with_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    assert type(accelerate(model)) is DSFormer
    assert accelerate(model) is not model
    for other in (small_model().half(), small_model().to("meta")):
        assert accelerate(other) is other
    monkeypatch.setattr(seam, "find_spec", lambda name: None)
    assert accelerate(model) is model


def test_where_several_processes_share_statistics_norms_stay_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products and neurons are compiled all the same."""
    monkeypatch.setattr(distributed, "processes", lambda: 2)
    model = small_model()
    found = {type(module).__name__ for module in accelerate(model).modules()}
    assert found >= {"PTBN", "SpikingLinear", "Mlp", "CompiledLif", "CompiledSpikeLinear"}
    assert not found & {"CompiledPTBN", "CompiledSpikingLinear", "CompiledMlp"}


def test_a_batch_norm_needs_two_rows_and_attention_padding_on_the_left() -> None:
    with pytest.raises(ValueError, match="more than one value"):
        accelerate(PTBN(4, 0.5))(torch.ones(1, 1, 4))
    *tokens, mask = small_inputs()
    mask[1, 3] = False
    with pytest.raises(ValueError, match="padding stands on the left"):
        accelerate(small_model())(*tokens, mask)


@pytest.mark.parametrize("blend", [0.0, 0.5])
def test_the_number_of_threads_changes_no_bit(blend: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A norm, neurons, an attention and layers, gradients included; oneDNN's products are too small to be shared."""
    monkeypatch.setattr(parallel, "_WORTH_A_THREAD", 1)
    layout = TokenLayout(torch.arange(20) >= torch.tensor(30 * [[0], [13]]))
    tokens = int(layout.mask.sum())
    config = ModelConfig(embedding_size=64, bias_sharing=BiasSharing.channel)
    mixing, norm, neuron = accelerate(PSSA(config)), accelerate(PTBN(192, 0.5)), accelerate(Lif(0.25, 0.5))
    layer, project = accelerate(SpikingLinear(64, 64, config)), accelerate(NormalisedLinear(64, 64, config))
    norm.blend = blend

    def whole(inputs: Tensor, current: Tensor) -> Tensor:
        output = attention(mixing, neuron(norm(current)), layout)
        return project.onto(layer((inputs > 0).float()), output)

    inputs = [numbers(0, 4, tokens, width, kind=torch.float32) for width in (64, 192)]
    both = nn.ModuleList([mixing, norm, layer, project])
    state = {name: tensor.clone() for name, tensor in both.state_dict().items()}
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            both.load_state_dict(state)
            torch.set_num_threads(threads)
            found.append(results(both, whole, *inputs))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, found[0], found[1]))
    assert all(map(torch.equal, found[0], found[2]))


def test_kernels_leave_pytorch_its_number_of_threads() -> None:
    """In a process of its own: numba starts its threads once, and would set how many OpenMP's have."""
    script = """
import torch
torch.set_num_threads(3)
print(torch.get_num_threads())
import dsf_models.kernels.lif
print(torch.get_num_threads())
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["3", "3"]
