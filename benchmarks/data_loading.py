"""Is the loader a bottleneck, and how much memory does a large dataset take? One training, its data on disk.

    python -m benchmarks.data_loading [steps=2000000] [env=pen-e] [model.embedding_size=…]

Generates a D4RL file of random numbers, of the environment's widths; converts it as `dsf-train` does; then times
batches and training steps by turns, and prints the memory resident in this process. "From disk" is with the file's
pages dropped from the system's cache first. Keys other than `steps` are those of `dsf-train`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import h5py
import numpy as np
import psutil
import torch

from dsf_common.exit_status import run_command
from dsf_models import make_model
from dsf_models.kernels.accelerate import accelerate
from dsf_train.configuration import TrainConfig
from dsf_train.datasets import Columns, locate_dataset, open_dataset
from dsf_train.datasets.columns import columns_folder
from dsf_train.run_options import training_config
from dsf_train.sampling import Batch, TokenWindows, normalisation_of
from dsf_train.trainer import update
from dsf_train.training_state import make_optimiser
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec
from support.timing import take_turns

STEPS = 2_000_000
BLOCK = 50_000  # steps generated at once
ROUNDS, EACH = 9, 10
MEBIBYTE = 1 << 20


def main(argv: list[str]) -> int:
    """Generate, convert, time, print."""
    steps = [int(pair.split("=", 1)[1]) for pair in argv if pair.startswith("steps=")]
    config = training_config(["env=pen-e", *(pair for pair in argv if not pair.startswith("steps="))])
    spec = load_environment_spec(config.env)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DSF_CACHE"] = folder
        path = Path(folder) / "generated.hdf5"
        generate(spec, path, steps[-1] if steps else STEPS)
        print(f"memory before   {resident()}")
        dataset, seconds = _converted(spec, path)
        print(f"converted       {len(dataset):,} steps, {len(dataset.ends):,} episodes in {seconds:.0f} s")
        print(f"columns on disk {_size(spec, path) / MEBIBYTE:.0f} MiB")
        print(f"memory then     {resident()}")
        _compare(config, spec, dataset, path)
        print(f"memory at last  {resident()}")
    return 0


def generate(spec: EnvironmentSpec, path: Path, steps: int) -> None:
    """A file in D4RL's layout, ``steps`` long, written a block at a time."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        shapes = {"observations": (spec.observation_size,), "actions": (spec.action_size,), "rewards": ()}
        for name, shape in shapes.items():
            column = file.create_dataset(name, (steps, *shape), np.float32, chunks=(1000, *shape))
            for first in range(0, steps, BLOCK):
                rows = min(BLOCK, steps - first)
                column[first : first + rows] = rng.uniform(-1, 1, (rows, *shape)).astype(np.float32)
        file["terminals"] = np.zeros(steps, bool)
        file["timeouts"] = np.arange(1, steps + 1) % spec.time_limit == 0


def resident() -> str:
    """Memory of this process, and how much of it is pages of mapped columns."""
    process = psutil.Process()
    data = sum(entry.rss for entry in process.memory_maps() if "/columns/" in entry.path)
    return f"{process.memory_info().rss / MEBIBYTE:.0f} MiB resident, of which data {data / MEBIBYTE:.0f} MiB"


def _converted(spec: EnvironmentSpec, path: Path) -> tuple[Columns, float]:
    begun = time.perf_counter()
    dataset = open_dataset(spec, path)
    return dataset, time.perf_counter() - begun


def _size(spec: EnvironmentSpec, path: Path) -> int:
    return sum(file.stat().st_size for file in columns_folder(spec, locate_dataset(spec, path)).iterdir())


def _compare(config: TrainConfig, spec: EnvironmentSpec, dataset: Columns, path: Path) -> None:
    windows = TokenWindows(dataset, normalisation_of(dataset, spec.return_scale), config.model.context)
    model = make_model(config.model, spec.observation_size, spec.action_size)
    form, optimiser = accelerate(model), make_optimiser(model, config)
    number = iter(range(1 << 30))

    def fresh() -> Batch:
        return windows.batch(config.seed, next(number), config.batch_size)

    def load() -> int:
        for _ in range(EACH):
            fresh()
        return EACH

    def from_disk() -> int:
        _forget(columns_folder(spec, locate_dataset(spec, path)))
        return load()

    prepared = fresh()

    def learn() -> int:
        update(form, optimiser, prepared, config.gradient_clip, {})
        return 1

    times = take_turns({"batch": load, "batch, from disk": from_disk, "training step": learn}, ROUNDS)
    print(
        f"\n{config.env}: batch {config.batch_size}, D {config.model.embedding_size}, L {config.model.blocks}, K",
        end="",
    )
    print(f" {config.model.context}, T {config.model.time_steps}, {torch.get_num_threads()} threads")
    for name in times.seconds:
        share = times.ratio(name, "training step")
        print(f"{name:<18}{1e3 * times.typical(name):8.2f} ms{100 * share:8.1f} % of a training step")
    waited = 1e3 * _wait(config, windows, learn)
    print(f"{'waited for':<18}{waited:8.2f} ms, the next batch being read while one is learned from\n")


def _wait(config: TrainConfig, windows: TokenWindows, learn: Callable[[], int]) -> float:
    """Seconds that a training step waits for a batch that is read while the step before it is computed: the median."""
    waits = []
    batches = windows.ahead(config.seed + 1, range(2 * EACH), config.batch_size)
    for _ in range(2 * EACH):
        begun = time.perf_counter()
        next(batches)
        waits.append(time.perf_counter() - begun)
        learn()
    return median(waits)


def _forget(folder: Path) -> None:
    """Ask the system to drop what it keeps of the columns in memory, but for pages that are mapped and in use."""
    for file in folder.iterdir():
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    sys.exit(run_command(main, "data_loading"))
