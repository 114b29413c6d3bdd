"""All that only a GPU can show, in one go: a score, a run that was killed, and how long a step takes.

    python -m benchmarks.on_a_gpu [device=cuda] [steps=2000] [least_score=85] [rounds=11]

1. `pendulum` trains with its recipe; its score is at least ``least_score``, else the status is 1.
2. The same run is killed at its first checkpoint and resumed; its score is held to the same.
3. `benchmarks.training_step` compares the compiled step with the plain form, in results and in time.

With ``device=cpu`` the first two are tried without a GPU, by PyTorch's compiler for processors.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_models.distributed import own_device

CHECKPOINT_EVERY = 100
LONGEST_WAIT_S = 1200.0  # for the first checkpoint, compiling included


@dataclass
class Options:
    """The device, and what is asked of it."""

    device: str = "cuda"
    steps: int = 2_000
    least_score: float = 85.0  # the shipped policy's is 95
    rounds: int = 11  # of the timing


def main(argv: list[str]) -> int:
    """Train, kill and resume, and time."""
    options = compose(Options, argv)
    on_gpu = own_device(options.device).type == "cuda"
    with tempfile.TemporaryDirectory(prefix="dsf-gpu-") as folder:
        _require(_trained(_call(options, folder, "whole")), options, "trained")
        killed = _call(options, folder, "killed")
        _kill_at_checkpoint(killed, Path(folder) / "pendulum" / "killed" / "checkpoint.pt")
        _require(_trained([*killed, "--resume"]), options, "killed and resumed")
    if on_gpu:
        timing = [f"device={options.device}", f"rounds={options.rounds}", "steps=50"]
        subprocess.run([sys.executable, "-m", "benchmarks.training_step", *timing], check=True)
    return 0


def _call(options: Options, folder: str, name: str) -> list[str]:
    pairs = [f"device={options.device}", f"steps={options.steps}", f"name={name}", f"output={folder}"]
    training = [sys.executable, "-m", "dsf_train.command_train", "env=pendulum", "compile=true", "--json"]
    return [*training, *pairs, "evaluate_every=0", f"checkpoint_every={CHECKPOINT_EVERY}"]


def _trained(command: Sequence[str]) -> float:
    """The mean score of a run that must end well."""
    begun = time.perf_counter()
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        raise GateFailed(f"{' '.join(command[1:])} ended with status {run.returncode}")
    print(f"{time.perf_counter() - begun:.0f} s", end="  ")
    return float(json.loads(run.stdout)["scores"][0]["mean"])


def _kill_at_checkpoint(command: Sequence[str], checkpoint: Path) -> None:
    """Start a run and kill it once its checkpoint is there."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + LONGEST_WAIT_S
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    process.kill()
    process.wait()
    if not checkpoint.exists():
        raise GateFailed(f"there was no checkpoint within {LONGEST_WAIT_S:.0f} s")


def _require(score: float, options: Options, how: str) -> None:
    print(f"{how} on {options.device}: score {score:.1f}")
    if not score >= options.least_score:
        raise GateFailed(f"the score of pendulum, {how}, is {score:.1f}, below {options.least_score:g}")


if __name__ == "__main__":
    sys.exit(run_command(main, "on_a_gpu"))
