"""How long does one training step take? The trainer against the plain form of the same model, in turns.

    python -m benchmarks.training_step [threads=2] [rounds=7] [steps=2] [device=cpu] [compiled=false]
    python -m benchmarks.training_step device=cuda rounds=11 steps=50

D 128, L 3, K 20, T 4, batch 64, PSSA with S = 7 (the longest that streams with three blocks and K = 20), PTBN; a step
is loss, gradient, clipping and AdamW. Weights are the initial ones, tokens are random, a few windows are padded. Before
anything is timed, loss and every gradient of the plain form are compared with the trainer's in float64 (status 1 if one
differs by more than 1e-9 of its norm). λ = 0 is nine tenths of a run, λ = ½ stands for the first tenth.

Ways: the trainer; the trainer without its compiled kernels; the plain form (`support.plain_dsformer`) with neurons
as a Python loop, and with snnTorch's; and the Linears' products alone, forward and backward: dense ones by each
library, which are the floor of whoever computes them so, and the trainer's by tables. Each has a process of its own;
only one works at a time. Both forms flush denormals; the trainer also keeps freed memory, as `dsf-train` does.

On a GPU, and by `compiled=true` on a CPU too, there is the compiled step (`dsf_train.compiled_step`), its products in
float32, in TF32 (GPUs' alone) and in bfloat16. On a GPU ratios are to the first of these, all ways run there, and the
kernels, which are the CPU's, take no part. Before anything is timed, the compiled step's loss and gradients in float64
are compared with the plain form's, within the limit above, and bfloat16's with float32's: the loss
within 1 %, the cosine between the whole gradients at least 0.9. Batches lie on the device, and a round ends when it
has done all of its work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_models import DSFormer
from dsf_models.configuration import ModelConfig, Surrogate
from dsf_models.distributed import own_device
from dsf_models.kernels.accelerate import accelerate
from dsf_models.kernels.lif import pack
from dsf_models.kernels.spike_linear import SpikeProduct, dense_grad_weight, dense_product
from dsf_models.normalisation import set_blend
from dsf_train.compiled_step import CompiledObjective, Objective
from dsf_train.configuration import Precision, TrainConfig
from dsf_train.memory import keep_freed_memory
from dsf_train.sampling import Batch
from dsf_train.trainer import action_loss, loss_and_cost, update
from dsf_train.training_state import make_optimiser
from support.apart import apart
from support.plain_dsformer import LoopedLif, PlainDSFormer, SnnTorchLif, set_plain_blend
from support.timing import Times, Work, over, take_turns

CONFIG = ModelConfig(embedding_size=128, blocks=3, context=20, time_steps=4, window=7, surrogate=Surrogate.published)
OBSERVATION, ACTION = 45, 24  # pen's
BATCH = 64
LIMIT = 1e-9
LEAST_COSINE, LARGEST_LOSS_SHARE = 0.9, 0.01  # of products in bfloat16 against float32's; see docs/training.md

TRAINER, TORCH_FORMS = "trainer", "trainer, PyTorch's forms"
PLAIN, PLAIN_SNNTORCH = "plain, Python loop", "plain, snnTorch"
LINEAR, ONEDNN, TABLES = (f"products alone, {how}" for how in ("nn.Linear", "oneDNN", "tables"))
NEURONS: dict[str, Callable[[ModelConfig], nn.Module]] = {PLAIN: LoopedLif, PLAIN_SNNTORCH: SnnTorchLif}
COMPILED = {
    "compiled, float32": Precision.float32,
    "compiled, TF32": Precision.tf32,
    "compiled, bfloat16": Precision.bfloat16,
}
COMPILED_FLOAT32 = next(iter(COMPILED))
MODELS = (TRAINER, PLAIN, PLAIN_SNNTORCH)
BESIDE = (TORCH_FORMS, LINEAR, ONEDNN, TABLES)  # where λ = 0
ON_GPU = (*COMPILED, TORCH_FORMS, PLAIN, PLAIN_SNNTORCH)


@dataclass
class Options:
    """The device and its threads, rounds, and steps a round."""

    threads: int = 2
    rounds: int = 7
    steps: int = 2  # a round
    device: str = "cpu"
    compiled: bool = False  # also the compiled step; on a GPU it is always there


def main(argv: list[str]) -> int:
    """Compare the forms, time them, and print medians and ratios."""
    options = compose(Options, argv)
    device = own_device(options.device)
    print(f"loss and gradients of the plain form are the trainer's to {_difference(device):.1g} of their norm")
    if device.type == "cuda" or options.compiled:
        _check_compiled(device)
    for blend in (0.0, 0.5):
        ways, reference = _ways(blend, device, options)
        times = take_turns({way: apart(partial(work_of, way, blend, options)) for way in ways}, options.rounds)
        print(f"\nλ = {blend:g}, {device.type}, {options.threads} threads, {options.rounds} rounds of {options.steps}")
        print(_table(times, reference))
    return 0


def _ways(blend: float, device: torch.device, options: Options) -> tuple[tuple[str, ...], str]:
    """The ways that are timed, and the one that the others are compared with."""
    if device.type == "cuda":
        return ON_GPU, COMPILED_FLOAT32
    compiled = [way for way, precision in COMPILED.items() if options.compiled and precision is not Precision.tf32]
    return (*MODELS, *compiled, *(() if blend else BESIDE)), TRAINER


def _batch(seed: int, dtype: torch.dtype = torch.float32) -> Batch:
    """Random tokens; the first windows are padded, by 15 tokens, 10 and 5."""
    generator = torch.Generator().manual_seed(seed)

    def normal(width: int) -> Tensor:
        return torch.randn(BATCH, CONFIG.context, width, generator=generator, dtype=dtype)

    padding = torch.zeros(BATCH, 1)
    padding[:3, 0] = torch.tensor([15, 10, 5])
    mask = torch.arange(CONFIG.context) >= padding
    steps = torch.arange(CONFIG.context).expand_as(mask)
    return Batch(normal(OBSERVATION), normal(ACTION).tanh(), normal(1), normal(ACTION).tanh(), mask, steps)


def _model(device: torch.device, dtype: torch.dtype = torch.float32) -> DSFormer:
    torch.manual_seed(0)
    return DSFormer(CONFIG, OBSERVATION, ACTION).to(device, dtype)


def _plain(model: DSFormer, neuron: Callable[[ModelConfig], nn.Module]) -> PlainDSFormer:
    plain = PlainDSFormer(CONFIG, OBSERVATION, ACTION, neuron).to(next(model.parameters()))
    plain.load_state_dict(model.state_dict())
    return plain


def _plain_loss(model: PlainDSFormer, batch: Batch) -> Tensor:
    predicted = model(batch.states, batch.previous_actions, batch.returns_to_go, batch.mask)
    loss: Tensor = ((predicted - batch.actions).square().mean(-1) * batch.mask).sum() / batch.mask.sum()
    return loss


def _difference(device: torch.device) -> float:
    """The largest of loss and gradients between the trainer's model and the plain ones, as a share of the norm."""
    trainers = _gradients(accelerate(_model(device, torch.float64)), loss_and_cost)
    worst = 0.0
    for neuron in (LoopedLif, SnnTorchLif):
        plain = _plain_gradients(neuron, device)
        worst = max(worst, *(_relative(ours, theirs) for ours, theirs in zip(trainers, plain, strict=True)))
    if not worst <= LIMIT:
        raise GateFailed(f"loss or a gradient of the plain form differs by {worst:.2g}, the limit is {LIMIT:g}")
    return worst


def _check_compiled(device: torch.device) -> None:
    """The compiled step against the plain form in float64, and its bfloat16 against its float32."""
    begun = time.perf_counter()
    ours = _gradients(_model(device, torch.float64), CompiledObjective(action_loss, Precision.float32, device))
    plain = _plain_gradients(LoopedLif, device)
    worst = max(_relative(one, other) for one, other in zip(ours, plain, strict=True))
    print(f"those of the compiled step to {worst:.1g}; compiled in {time.perf_counter() - begun:.0f} s")
    if not worst <= LIMIT:
        raise GateFailed(f"loss or a gradient of the compiled step differs by {worst:.2g}, the limit is {LIMIT:g}")
    exact, rounded = (
        _gradients(_model(device), CompiledObjective(action_loss, precision, device))
        for precision in (Precision.float32, Precision.bfloat16)
    )
    share = _relative(rounded[0], exact[0])
    whole, changed = (torch.cat([gradient.flatten() for gradient in found[1:]]) for found in (exact, rounded))
    cosine = float(torch.cosine_similarity(whole, changed, dim=0))
    print(f"products in bfloat16 change the loss by {share:.2g} of it; the gradients' cosine is {cosine:.4f}")
    if not (share <= LARGEST_LOSS_SHARE and cosine >= LEAST_COSINE):
        raise GateFailed(f"the limits are {LARGEST_LOSS_SHARE:g} and {LEAST_COSINE:g}")


def _gradients(model: DSFormer, objective: Objective) -> list[Tensor]:
    """Loss and gradients of the trainer's ``model``, λ = ½."""
    set_blend(model, 0.5)
    weight = model.head.weight
    loss, paid = objective(model, _batch(0, weight.dtype).to(weight.device), {}, lambda spikes, mask: 0.0)
    torch.autograd.backward(paid)
    return [loss.detach().clone(), *_of(model)]


def _plain_gradients(neuron: Callable[[ModelConfig], nn.Module], device: torch.device) -> list[Tensor]:
    model = _plain(_model(device, torch.float64), neuron)
    set_plain_blend(model, 0.5)
    loss = _plain_loss(model, _batch(0, torch.float64).to(device))
    torch.autograd.backward(loss)
    return [loss.detach(), *_of(model)]


def _of(model: nn.Module) -> Iterator[Tensor]:
    """The gradients of ``model``."""
    for parameter in model.parameters():
        assert parameter.grad is not None
        yield parameter.grad.clone()


def _relative(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().norm() / other.detach().norm())


def work_of(way: str, blend: float, options: Options) -> Work:
    """The work of a way, in its process."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    device = own_device(options.device)
    batches = [_batch(seed).to(device) for seed in range(options.steps)]
    if way in PRODUCTS:
        return _products(options.steps, device, PRODUCTS[way])
    if way in NEURONS:
        return _plain_trainer(batches, blend, device, NEURONS[way])
    keep_freed_memory()  # as the trainer does
    if way in COMPILED:
        if COMPILED[way] is Precision.tf32:
            torch.set_float32_matmul_precision("high")  # as the trainer does
        objective = CompiledObjective(action_loss, COMPILED[way], device)
        return _trainer(_model(device), batches, blend, device, objective)
    form = accelerate(_model(device)) if way == TRAINER else _model(device)
    return _trainer(form, batches, blend, device, loss_and_cost)


def _trainer(model: DSFormer, batches: list[Batch], blend: float, device: torch.device, objective: Objective) -> Work:
    config = TrainConfig()
    set_blend(model, blend)
    optimiser = make_optimiser(model, config)
    return _to_the_end(
        over(batches, lambda batch: update(model, optimiser, batch, config.gradient_clip, None, objective=objective)),
        device,
    )


def _plain_trainer(
    batches: list[Batch], blend: float, device: torch.device, neuron: Callable[[ModelConfig], nn.Module]
) -> Work:
    model, config = _plain(_model(device), neuron), TrainConfig()
    set_plain_blend(model, blend)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def step(batch: Batch) -> None:
        loss = _plain_loss(model, batch)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        clip_grad_norm_(model.parameters(), config.gradient_clip)
        optimiser.step()

    return _to_the_end(over(batches, step), device)


def _to_the_end(work: Work, device: torch.device) -> Work:
    """``work`` until the device has done it; a GPU is given it and does it later."""

    def done() -> int:
        times = work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return times

    return done


def _autograd(layer: nn.Linear, spikes: Tensor, gradient: Tensor) -> None:
    torch.autograd.backward(layer(spikes), gradient)


def _dense(layer: nn.Linear, spikes: Tensor, gradient: Tensor) -> None:
    dense_product(spikes, layer.weight, layer.bias)
    dense_product(gradient, layer.weight.t())
    dense_grad_weight(spikes, gradient)


def _tables(layer: nn.Linear, spikes: Tensor, gradient: Tensor) -> None:
    SpikeProduct(layer.weight, layer.bias, pack(spikes.detach().numpy())).gradients(gradient.numpy())


PRODUCTS = {LINEAR: _autograd, ONEDNN: _dense, TABLES: _tables}


def _products(steps: int, device: torch.device, multiply: Callable[[nn.Linear, Tensor, Tensor], None]) -> Work:
    """Every Linear of the blocks on spikes, forward and backward."""
    size, hidden = CONFIG.embedding_size, CONFIG.mlp_ratio * CONFIG.embedding_size
    rows = CONFIG.time_steps * int(_batch(0).mask.sum())
    shapes = CONFIG.blocks * [*4 * [(size, size)], (size, hidden), (hidden, size)]
    layers = [nn.Linear(*shape, device=device) for shape in shapes]
    spikes = [(torch.rand(rows, inputs, device=device) < 0.2).float().requires_grad_() for inputs, _ in shapes]
    gradients = [torch.randn(rows, outputs, device=device) for _, outputs in shapes]

    def work() -> int:
        for _ in range(steps):
            for layer, inputs, gradient in zip(layers, spikes, gradients, strict=True):
                multiply(layer, inputs, gradient)
        return steps

    return work


def _table(times: Times, reference: str) -> str:
    rows = [("", "median", "fastest", "ratio")]
    for way in times.seconds:
        median, fastest, ratio = times.typical(way), times.best(way), times.ratio(way, to=reference)
        rows.append((way, f"{1e3 * median:.3g} ms", f"{1e3 * fastest:.3g} ms", f"{ratio:.2f} ×"))
    return text_table(rows)


if __name__ == "__main__":
    sys.exit(run_command(main, "training_step"))
