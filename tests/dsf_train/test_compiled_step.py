"""The compiled step is the other one: its padded form, its graphs, its products in bfloat16, and what it refuses."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from dsf_common.errors import UserError
from dsf_export.program_events import program_events
from dsf_models import DSFormer
from dsf_models.configuration import BiasSharing, ModelConfig, ModelKind, Norm, PositionBias
from dsf_models.lif import Lif, _FusableLifFunction
from dsf_models.normalisation import PTBN, set_blend
from dsf_models.precision import in_bfloat16
from dsf_models.spiking_layers import SpikeLinear
from dsf_models.surrogates import PUBLISHED, Arctangent, Rectangle, SurrogateGradient, Triangle
from dsf_train.compiled_step import CompiledObjective, Objective, compiles, real_tokens
from dsf_train.configuration import Precision
from dsf_train.run_options import training_config
from dsf_train.sampling import Batch
from dsf_train.spike_cost import SpikeCost
from dsf_train.trainer import TrainingResult, action_loss, loss_and_cost, train, update
from hw_profiles.spike_energy import SpikeEnergy
from support.mixing_cases import MIXINGS
from tests.dsf_train.tiny_run import TINY, tiny

OBSERVATION, ACTION, WINDOWS, CONTEXT = 3, 2, 8, 5
CPU = torch.device("cpu")
HELD = 2  # λ and which tokens are real

COMPILE = torch.compile


def config(**changes: object) -> ModelConfig:
    small = {"embedding_size": 16, "blocks": 2, "context": CONTEXT, "window": 3, "time_steps": 3, "streaming": False}
    return ModelConfig(**{**small, **changes})  # type: ignore[arg-type]


def lively(model_config: ModelConfig, dtype: torch.dtype = torch.float64) -> DSFormer:
    """A model whose neurons fire."""
    torch.manual_seed(0)
    model = DSFormer(model_config, OBSERVATION, ACTION).to(dtype)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.5)
    return model


def padded_batch(seed: int = 0, dtype: torch.dtype = torch.float64) -> Batch:
    generator = torch.Generator().manual_seed(seed)

    def normal(width: int) -> Tensor:
        return torch.randn(WINDOWS, CONTEXT, width, generator=generator, dtype=dtype)

    mask = torch.arange(CONTEXT) >= torch.tensor([[0], [2], [4], [0], [1], [3], [0], [0]])
    steps = torch.arange(CONTEXT).expand_as(mask)
    return Batch(normal(OBSERVATION), normal(ACTION), normal(1), normal(ACTION), mask, steps)


def results(model: DSFormer, objective: Objective, batch: Batch, price: float = 0.0) -> dict[str, Tensor]:
    """All that a step computes from ``model``'s present state, which stays."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    model.zero_grad()
    spikes: dict[str, Tensor] = {}
    loss, paid = objective(
        model, batch, spikes, SpikeCost(program_events(model), price, price, SpikeEnergy(20.0, 70.0))
    )
    torch.autograd.backward(paid)
    if isinstance(objective, CompiledObjective):
        spikes = real_tokens(spikes, batch.mask)
    gradients = {f"grad of {name}": value.grad for name, value in model.named_parameters() if value.grad is not None}
    buffers = {name: buffer.double() for name, buffer in model.named_buffers()}
    found = {"loss": loss, "paid": paid, **gradients, **buffers, **{f"{name} fires": s for name, s in spikes.items()}}
    found = {name: value.detach().clone() for name, value in found.items()}
    model.load_state_dict(state)
    return found


def assert_close(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.allclose(value, theirs[name], rtol=tolerance, atol=tolerance), name


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled step's own form, run operation by operation."""

    def as_it_is(function: Callable[..., Any], **options: object) -> Callable[..., Any]:
        return function

    monkeypatch.setattr(torch, "compile", as_it_is)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[CompileCounter]:
    """Counts the graphs that are compiled; they run operation by operation."""
    counting = CompileCounter()

    def counted(function: Callable[..., Any], fullgraph: bool, dynamic: bool, mode: str) -> Callable[..., Any]:
        return COMPILE(function, fullgraph=fullgraph, dynamic=dynamic, backend=counting)

    monkeypatch.setattr(torch, "compile", counted)
    torch._dynamo.reset()
    yield counting
    torch._dynamo.reset()


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("blend", [0.0, 0.4])
@pytest.mark.parametrize(
    "model_config",
    [
        config(),
        config(bias_sharing=BiasSharing.channel),
        config(position_bias=PositionBias.pairwise),
        *(config(mixing=mixing, heads=2) for mixing in MIXINGS if mixing != "pssa"),
        *(config(norm=norm) for norm in Norm if norm is not Norm.ptbn),
        config(kind=ModelKind.spiking_mlp),
    ],
    ids=lambda value: (
        f"{value.kind.value}-{value.mixing}-{value.norm.value}-{value.bias_sharing.value}"
        if isinstance(value, ModelConfig)
        else None
    ),
)
def test_windows_with_their_padding_give_what_packed_tokens_give(model_config: ModelConfig, blend: float) -> None:
    model, batch = lively(model_config), padded_batch()
    set_blend(model, blend)
    price = 1e3 if program_events(model) else 0.0
    expected = results(model, loss_and_cost, batch, price)
    ours = results(model, CompiledObjective(action_loss, Precision.float32, CPU), batch, price)
    assert_close(ours, expected, 1e-10)
    assert expected["paid"] > expected["loss"] or not price


@pytest.mark.usefixtures("uncompiled")
def test_the_model_is_afterwards_as_it_was() -> None:
    model, batch = lively(config()), padded_batch()
    set_blend(model, 0.4)
    before = results(model, loss_and_cost, batch)
    results(model, CompiledObjective(action_loss, Precision.float32, CPU), batch)
    assert_close(results(model, loss_and_cost, batch), before, 0.0)
    assert {module.blend for module in model.modules() if isinstance(module, PTBN)} == {0.4}


def test_a_schedule_compiles_two_graphs(counter: CompileCounter) -> None:
    """It does so for any λ, learning rate and padding, though the model is evaluated and measured in between."""
    model = lively(config(blocks=1), torch.float32)
    optimiser = torch.optim.AdamW(model.parameters())
    objective = CompiledObjective(action_loss, Precision.float32, CPU)
    losses = []
    for step in range(12):
        batch = padded_batch(step, torch.float32)
        batch.mask[step % WINDOWS] = True
        set_blend(model, max(0.0, 1 - step / 6))
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 / (step + 1)
        losses.append(float(update(model, optimiser, batch, 0.25, {}, objective=objective)[0]))
        if step % 4 == 3:
            model.eval()
            with torch.no_grad():
                model(batch.states, batch.previous_actions, batch.returns_to_go, batch.mask)
            model.train()
    assert counter.frame_count == 2
    assert len(set(losses)) == 12


def test_what_a_graph_reads_from_modules_stays_at_its_address(
    uncompiled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CUDA graph would be recorded again at each new one."""
    model = lively(config())
    addresses: list[set[int]] = []

    def loss(model: nn.Module, batch: Batch, spikes: dict[str, Tensor] | None) -> Tensor:
        held = [value for module in model.modules() for value in vars(module).values() if isinstance(value, Tensor)]
        addresses.append({value.data_ptr() for value in held})
        return action_loss(model, batch, spikes)  # type: ignore[arg-type]

    objective = CompiledObjective(loss, Precision.float32, CPU)
    for step in range(3):
        set_blend(model, 0.5 - step / 10)
        objective(model, padded_batch(step), {}, lambda spikes, mask: 0.0)
    assert len(addresses[0]) == HELD
    assert addresses[0] == addresses[1] == addresses[2]


def test_the_spikes_of_a_step_live_until_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """They do whether or not they are recorded: a CUDA graph must find what it reads freed at the same place."""
    returned: list[list[weakref.ref[Tensor]]] = []

    def watched(function: Callable[..., Any], **options: object) -> Callable[..., Any]:
        compiled = COMPILE(function, fullgraph=True, dynamic=False, backend="aot_eager")

        def step(*inputs: Any) -> Any:
            loss, paid, fired = compiled(*inputs)
            returned.append([weakref.ref(spikes) for spikes in fired.values()])
            return loss, paid, fired

        return step

    monkeypatch.setattr(torch, "compile", watched)
    torch._dynamo.reset()
    model = lively(config(blocks=1), torch.float32)
    optimiser = torch.optim.AdamW(model.parameters())
    objective = CompiledObjective(action_loss, Precision.float32, CPU)
    for step, wanted in enumerate((True, False, False, True)):
        spikes: dict[str, Tensor] | None = {} if wanted else None
        update(model, optimiser, padded_batch(step, torch.float32), 0.25, spikes, objective=objective)
        del spikes
        assert returned[step]
        assert all(layer() is not None for layer in returned[step])
        assert all(layer() is None for earlier in returned[:step] for layer in earlier)
    torch._dynamo.reset()


@pytest.mark.parametrize("surrogate", [PUBLISHED, Rectangle(0.8), Triangle(), Arctangent()], ids=repr)
@pytest.mark.parametrize("beta", [0.0, 0.25, 0.7])
def test_the_neuron_that_fuses_is_the_neuron(beta: float, surrogate: SurrogateGradient) -> None:
    current = torch.randn(4, 50, 16, dtype=torch.float64).requires_grad_()
    outer = torch.randn(4, 50, 16, dtype=torch.float64)
    spikes = Lif(beta, 0.5, surrogate)(current)
    (expected,) = torch.autograd.grad((spikes * outer).sum(), current)
    ours: Tensor = _FusableLifFunction.apply(current, beta, 0.5, surrogate)  # type: ignore[no-untyped-call]
    (gradient,) = torch.autograd.grad((ours * outer).sum(), current)
    assert torch.equal(ours, spikes)
    assert torch.allclose(gradient, expected, atol=1e-14)
    assert 0 < ours.mean() < 1


@pytest.mark.parametrize("surrogate", [PUBLISHED, Triangle(), Arctangent()], ids=repr)
def test_neurons_become_one_graph_with_every_surrogate(surrogate: SurrogateGradient) -> None:
    neuron = Lif(0.25, 0.5, surrogate)
    compiled = COMPILE(neuron, fullgraph=True, backend="aot_eager")
    current = torch.randn(4, 30, dtype=torch.float64).requires_grad_()
    (expected,) = torch.autograd.grad(neuron(current).square().sum(), current)
    (gradient,) = torch.autograd.grad(compiled(current).square().sum(), current)
    assert torch.allclose(gradient, expected, atol=1e-14)
    assert expected.any()


def test_products_of_spikes_in_bfloat16_round_the_weights_and_the_result_alone() -> None:
    """Sums are float32's, and what goes on, the gradients too, is float32."""
    layer = SpikeLinear(64, 32)
    spikes = (torch.rand(3, 50, 64) < 0.2).float().requires_grad_()
    with in_bfloat16():
        current = layer(spikes)
    weight, bias = (parameter.detach().bfloat16().double() for parameter in (layer.weight, layer.bias))
    exact = nn.functional.linear(spikes.detach().double(), weight, bias)
    assert current.dtype is torch.float32
    assert torch.allclose(current.detach().double(), exact, rtol=2**-8, atol=1e-6)
    assert torch.equal(current, current.bfloat16().float())
    torch.autograd.backward(current.square().sum())
    assert layer.weight.grad is not None
    assert spikes.grad is not None
    assert layer.weight.grad.dtype is spikes.grad.dtype is torch.float32


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("blend", [0.0, 0.5])
def test_in_bfloat16_spikes_stay_spikes_and_the_gradient_points_the_same_way(blend: float) -> None:
    torch.manual_seed(0)
    model, batch = DSFormer(config(embedding_size=32), OBSERVATION, ACTION), padded_batch(dtype=torch.float32)
    set_blend(model, blend)
    exact = results(model, CompiledObjective(action_loss, Precision.float32, CPU), batch)
    rounded = results(model, CompiledObjective(action_loss, Precision.bfloat16, CPU), batch)
    fires = [value for name, value in rounded.items() if name.endswith(" fires")]
    assert all(value.dtype is torch.float32 and bool(((value == 0) | (value == 1)).all()) for value in fires)
    assert any(not torch.equal(value, exact[name]) for name, value in rounded.items())

    def gradient(found: dict[str, Tensor]) -> Tensor:
        return torch.cat([value.flatten() for name, value in found.items() if name.startswith("grad of ")])

    cosine = torch.cosine_similarity(gradient(rounded), gradient(exact), dim=0)
    assert cosine > 0.9  # where a spike turns, all that an attention makes of it does
    assert float(rounded["loss"]) == pytest.approx(float(exact["loss"]), rel=0.01)


def run(folder: Path, *overrides: str) -> tuple[TrainingResult, list[float]]:
    result = train(training_config([*TINY, f"output={folder}", *overrides]))
    lines = (result.model_file.parent / "metrics.jsonl").read_text().splitlines()
    return result, [record["loss"] for record in map(json.loads, lines) if "loss" in record]


@pytest.mark.long
@pytest.mark.timeout(900)  # a compiler that shares the machine is slow
def test_training_with_the_compiled_step_is_training(tmp_path: Path) -> None:
    """Inductor compiles; λ is 0 from the start, so that there is one graph."""
    options = ("steps=40", "norm_switch_fraction=0", "synop_price=10")
    torch._dynamo.reset()
    compiled = run(tmp_path, *options, "name=compiled", "compile=true")[1]
    torch._dynamo.reset()
    plain = run(tmp_path, *options, "name=plain")[1]
    assert compiled == pytest.approx(plain, rel=1e-3)
    assert compiled != plain


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.long
def test_training_in_bfloat16_reaches_the_same_loss(tmp_path: Path) -> None:
    options = ("steps=300", "compile=true", "log_every=10")
    exact = run(tmp_path, *options, "name=exact")[1]
    rounded = run(tmp_path, *options, "name=rounded", "precision=bfloat16")[1]
    assert rounded != exact
    assert sum(rounded[-10:]) == pytest.approx(sum(exact[-10:]), rel=0.1)
    assert sum(exact[-10:]) / 10 < 0.7 * exact[0]


@pytest.mark.parametrize(
    ("overrides", "compiled"),
    [
        ([], False),
        (["compile=true"], True),
        (["device=cuda"], True),
        (["device=cuda:1", "compile=false"], False),
        (["device=cuda", "precision=bfloat16"], True),
        (["device=cuda", "precision=tf32", "compile=false"], False),
        (["device=cuda", "model.kind=mlp"], False),
        (["device=cuda", "quantise=true"], False),
    ],
)
def test_a_gpu_compiles_unless_told_otherwise(overrides: list[str], compiled: bool) -> None:
    assert compiles(training_config(["env=pendulum", *overrides])) is compiled


def test_weights_that_are_rounded_at_every_step_do_not_compile() -> None:
    with pytest.raises(UserError, match="compile=true has no form for quantise=true"):
        compiles(training_config(["env=pendulum", "quantise=true", "compile=true"]))


def test_several_processes_do_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsf_models.distributed.processes", lambda: 2)
    assert not compiles(training_config(["env=pendulum", "device=cuda"]))
    with pytest.raises(UserError, match="no form for several processes; leave it out"):
        compiles(training_config(["env=pendulum", "compile=true"]))


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["compile=true", "model.kind=mlp"], "compile=true has no form for model.kind=mlp; leave it out"),
        (["precision=bfloat16"], "precision=bfloat16 is the compiled step's; add compile=true"),
        (["precision=bfloat16", "device=cuda", "compile=false"], "add compile=true"),
        (["precision=bfloat16", "device=cuda", "model.kind=mlp"], "no form for model.kind=mlp; leave it out"),
        (["precision=tf32"], "precision=tf32 is a format of GPUs"),
        (["device=cuda"], "device=cuda needs a GPU that PyTorch can use"),
        (["device=toaster"], "device=toaster is no device that PyTorch knows"),
    ],
)
def test_what_cannot_be_had_is_refused_before_a_run_begins(
    tmp_path: Path, overrides: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: not reason.startswith("device="))
    with pytest.raises(UserError, match=reason):
        train(training_config(tiny("steps=1", f"output={tmp_path}", *overrides)))
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "empty"))
    torch._dynamo.reset()
    model = lively(config(blocks=1), torch.float32)
    objective = CompiledObjective(action_loss, Precision.float32, CPU)
    with pytest.raises(UserError, match=r"could not be compiled .*no-such-compiler.*install a C\+\+ compiler"):
        objective(model, padded_batch(dtype=torch.float32), {}, lambda spikes, mask: 0.0)
