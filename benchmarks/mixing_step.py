"""How long does a training step of each token mixing take, beside PSSA's and beside what its arithmetic predicts?

    python -m benchmarks.mixing_step [mixings=tssa,sssa,sdsa1,sdsa3] [heads=1] [rounds=15] [steps=2]

D 128, L 3, K 20, S 7, T 4, batch 64, λ = 0, full windows of random tokens, one thread; a step is loss, gradient,
clipping and AdamW. All mixings take turns in one process and are clocked by its processor time; a ratio is the median
over rounds.

``Arithmetic`` is the ratio of multiply-adds, forward and backward. A block's Linears take 3 (4 + 2 · 4) D² a token and
time step, whatever the mixing; beyond them an attention that gates and sums takes 3 S D, and one with a map of scores
3 · 2 S D, for the scores and for the values that they weigh.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace

import torch

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_models import DSFormer
from dsf_models.configuration import ModelConfig
from dsf_models.kernels.accelerate import accelerate
from dsf_models.mixings.attention import MapAttention
from dsf_models.mixings.registry import mixing_class
from dsf_models.normalisation import set_blend
from dsf_train.configuration import TrainConfig
from dsf_train.memory import keep_freed_memory
from dsf_train.sampling import Batch
from dsf_train.trainer import update
from dsf_train.training_state import make_optimiser
from support.timing import Work, over, take_turns

OBSERVATION, ACTION, BATCH = 45, 24, 64  # pen's
PSSA = "pssa"
CONFIG = ModelConfig(embedding_size=128, blocks=3, context=20, time_steps=4, window=7, mixing=PSSA)


@dataclass
class Options:
    """The mixings that PSSA is compared with, and the rounds that are timed."""

    mixings: str = "tssa,sssa,sdsa1,sdsa3"
    heads: int = 1
    rounds: int = 15
    steps: int = 2  # a round


def main(argv: list[str]) -> int:
    """Time all and print ratios."""
    options = compose(Options, argv)
    mixings = [PSSA, *options.mixings.split(",")]
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()  # as the trainer does
    configs = {mixing: replace(CONFIG, mixing=mixing, heads=options.heads) for mixing in mixings}
    times = take_turns(
        {mixing: _steps(config, options.steps) for mixing, config in configs.items()}, options.rounds, time.process_time
    )
    rows = [("Mixing", "Arithmetic", "Measured", "Median step")]
    for mixing, config in configs.items():
        expected = _multiply_adds(config) / _multiply_adds(CONFIG)
        rows.append(
            (mixing, f"{expected:.3f}", f"{times.ratio(mixing, to=PSSA):.3f}", f"{1e3 * times.typical(mixing):.0f} ms")
        )
    print(text_table(rows))
    return 0


def _multiply_adds(config: ModelConfig) -> int:
    """Multiply-adds of a block, forward and backward, for a token and time step."""
    size, window = config.embedding_size, config.window
    linears = (4 + 2 * config.mlp_ratio) * size**2
    sums = (2 if issubclass(mixing_class(config.mixing), MapAttention) else 1) * window * size
    return 3 * (linears + sums)


def _steps(config: ModelConfig, steps: int) -> Work:
    torch.manual_seed(0)
    model, training = DSFormer(config, OBSERVATION, ACTION), TrainConfig()
    set_blend(model, 0.0)
    form, optimiser = accelerate(model), make_optimiser(model, training)
    batches = [_batch(seed) for seed in range(steps)]
    return over(batches, lambda batch: update(form, optimiser, batch, training.gradient_clip, None))


def _batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)

    def normal(width: int) -> torch.Tensor:
        return torch.randn(BATCH, CONFIG.context, width, generator=generator)

    mask = torch.ones(BATCH, CONFIG.context, dtype=torch.bool)
    places = torch.arange(CONFIG.context).expand_as(mask)
    return Batch(normal(OBSERVATION), normal(ACTION).tanh(), normal(1), normal(ACTION).tanh(), mask, places)


if __name__ == "__main__":
    sys.exit(run_command(main, "mixing_step"))
