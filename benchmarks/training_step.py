"""How long does one training step take? The trainer against the plain form of the same model, in turns.

    python -m benchmarks.training_step [threads=2] [rounds=7] [steps=2] [device=cpu]

D 128, L 3, K 20, T 4, batch 64, PSSA with S = 7 (the longest that streams with three blocks and K = 20), PTBN; a step
is loss, gradient, clipping and AdamW. Weights are the initial ones, tokens are random, a few windows are padded. Before
anything is timed, loss and every gradient of the plain form are compared with the trainer's in float64 (status 1 if one
differs by more than 1e-9 of its norm). λ = 0 is nine tenths of a run, λ = ½ stands for the first tenth.

Ways: the trainer; the trainer without its compiled kernels; the plain form (`benchmarks.plain_dsformer`) with neurons
as a Python loop, and with snnTorch's; and the Linears' products alone, forward and backward: dense ones by each
library, which are the floor of whoever computes them so, and the trainer's by tables. Each has a process of its own;
only one works at a time. Both forms flush denormals; the trainer also keeps freed memory, as `dsf-train` does.

`device=cuda` times PyTorch's forms on a GPU, as the kernels are for the CPU; no GPU was at hand to run that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from benchmarks.apart import apart
from benchmarks.plain_dsformer import LoopedLif, PlainDSFormer, SnnTorchLif, set_plain_blend
from benchmarks.timing import Times, Work, over, take_turns
from hw_profiles.errors import GateFailed, UserError
from neuro_runtime.command_line import compose, run_command
from train import kernels
from train.configuration import ModelConfig, TrainConfig
from train.kernels.product import grad_weight, product
from train.memory import keep_freed_memory
from train.model import DSFormer
from train.model.normalisation import set_blend
from train.model.token_mixing import linear
from train.sampling import Batch
from train.trainer import action_loss, update
from train.training_state import make_optimiser

CONFIG = ModelConfig(embedding_size=128, blocks=3, context=20, time_steps=4, window=7)
OBSERVATION, ACTION = 45, 24  # pen's
BATCH = 64
LIMIT = 1e-9

TRAINER, TORCH_FORMS = "trainer", "trainer, PyTorch's forms"
PLAIN, PLAIN_SNNTORCH = "plain, Python loop", "plain, snnTorch"
LINEAR, ONEDNN, TABLES = (f"products alone, {how}" for how in ("nn.Linear", "oneDNN", "tables"))
NEURONS: dict[str, Callable[[ModelConfig], nn.Module]] = {PLAIN: LoopedLif, PLAIN_SNNTORCH: SnnTorchLif}
MODELS = (TRAINER, PLAIN, PLAIN_SNNTORCH)
ALL = (*MODELS, TORCH_FORMS, LINEAR, ONEDNN, TABLES)


@dataclass
class Options:
    """What to time."""

    threads: int = 2
    rounds: int = 7
    steps: int = 2  # a round
    device: str = "cpu"


def main(argv: list[str]) -> int:
    """Compare the forms, time them, and print medians and ratios."""
    options = compose(Options, argv)
    device = _device(options.device)
    print(f"loss and gradients of the plain form are the trainer's to {_difference(device):.1g} of their norm")
    for blend, ways in ((0.0, ALL), (0.5, MODELS)):
        times = take_turns({way: apart(partial(_work, way, blend, options)) for way in ways}, options.rounds)
        print(f"\nλ = {blend:g}, {device.type}, {options.threads} threads, {options.rounds} rounds of {options.steps}")
        print(_table(times))
    return 0


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda needs a GPU that PyTorch can use, and there is none; leave device=cpu.")
    return torch.device(name)


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
    batch = _batch(0, torch.float64).to(device)
    worst = 0.0
    for neuron in (LoopedLif, SnnTorchLif):
        model = _model(device, torch.float64)
        plain = _plain(model, neuron)
        set_blend(model, 0.5)
        set_plain_blend(plain, 0.5)
        loss, plain_loss = action_loss(model, batch, {}), _plain_loss(plain, batch)
        torch.autograd.backward([loss, plain_loss])
        pairs = [(loss, plain_loss)]
        for one, other in zip(model.parameters(), plain.parameters(), strict=True):
            assert one.grad is not None
            assert other.grad is not None
            pairs.append((one.grad, other.grad))
        worst = max(worst, *(_relative(one, other) for one, other in pairs))
    if not worst <= LIMIT:
        raise GateFailed(f"loss or a gradient of the plain form differs by {worst:.2g}, the limit is {LIMIT:g}")
    return worst


def _relative(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().norm() / other.detach().norm())


def _work(way: str, blend: float, options: Options) -> Work:
    """What a way does in its process."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    device = _device(options.device)
    batches = [_batch(seed).to(device) for seed in range(options.steps)]
    if way in PRODUCTS:
        return _products(options.steps, device, PRODUCTS[way])
    if way in NEURONS:
        return _plain_trainer(batches, blend, device, NEURONS[way])
    keep_freed_memory()  # as the trainer does
    trainer = _trainer(batches, blend, device)
    return trainer if way == TRAINER else _without_kernels(trainer)


def _trainer(batches: list[Batch], blend: float, device: torch.device) -> Work:
    model, config = _model(device), TrainConfig()
    set_blend(model, blend)
    optimiser = make_optimiser(model, config)
    return over(batches, lambda batch: update(model, optimiser, batch, config.gradient_clip, {})[0].item())


def _plain_trainer(
    batches: list[Batch], blend: float, device: torch.device, neuron: Callable[[ModelConfig], nn.Module]
) -> Work:
    model, config = _plain(_model(device), neuron), TrainConfig()
    set_plain_blend(model, blend)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def step(batch: Batch) -> float:
        loss = _plain_loss(model, batch)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        clip_grad_norm_(model.parameters(), config.gradient_clip)
        optimiser.step()
        return loss.item()

    return over(batches, step)


def _autograd(layer: nn.Linear, spikes: Tensor, gradient: Tensor) -> None:
    torch.autograd.backward(layer(spikes), gradient)


def _dense(layer: nn.Linear, spikes: Tensor, gradient: Tensor) -> None:
    product(spikes, layer.weight, layer.bias)
    product(gradient, layer.weight.t())
    grad_weight(spikes, gradient)


def _tables(layer: nn.Linear, spikes: Tensor, gradient: Tensor) -> None:
    torch.autograd.backward(linear(layer, spikes, mean_removed=True), gradient)


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
            if device.type == "cuda":
                torch.cuda.synchronize()
        return steps

    return work


def _without_kernels(work: Work) -> Work:
    def without() -> int:
        with kernels.disabled():
            return work()

    return without


def _table(times: Times) -> str:
    lines = [f"{'':<28}{'median':>12}{'fastest':>12}{'of the trainer':>18}"]
    for way in times.seconds:
        median, fastest, ratio = times.typical(way), times.best(way), times.ratio(way, to=TRAINER)
        lines.append(f"{way:<28}{1e3 * median:>9.0f} ms{1e3 * fastest:>9.0f} ms{ratio:>16.2f} ×")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run_command(main, "training_step"))
