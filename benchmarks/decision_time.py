"""How long does one decision take? The same tokens through every way to decide, in turns, one environment, one core.

    python -m benchmarks.decision_time [env=pen-e] [policy=FOLDER] [decisions=100] [rounds=9] [processor_time=true]

A decision is everything from the token to the action, the host's encoder and readout included; ``neurons alone`` is
loihi-fast without them. Where passes made the program lean, the one before them takes turns with it. `torch, window`
is the torch backend; `torch, stream` computes the newest token only (`support.torch_stream`), after its actions were
compared with the window's (status 1 if one differs by 1e-5 or more, in float64). PyTorch uses one thread. Lava's
simulator decides a few tokens a round.

ONNX Runtime runs the files of `dsf-export --target onnx` on one thread, with all its optimisations of a graph (its
default); `benchmarks.onnx_runtime` compares their answers. FCNet, SpikeGPT and SpikeBERT have no such files: PyTorch
runs their windows, and the recurrent form of those that have one (`dsf_models.recurrent_policy`). All baselines are
untrained, of the sizes of their recipes and of the environment; a time does not depend on their weights.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export import torch_backend
from dsf_export.fold import fold
from dsf_export.lower import lower
from dsf_export.optimise.passes import PASSES
from dsf_export.recording import Recording
from dsf_export.rounded_again import rounded_again
from dsf_export.stages import run_model
from dsf_export.targets.onnx.network_model import FLOAT32, INT8, baseline_model
from dsf_export.targets.onnx.program_model import program_model
from dsf_export.targets.onnx.session import OnnxSession
from dsf_models import make_model
from dsf_models.checkpoint import PolicyModel, load_model_file
from dsf_models.configuration import ModelKind
from dsf_models.recurrent_policy import RecurrentPolicy
from dsf_models.torch_backend import TorchBackend
from dsf_train.configuration import TrainConfig
from dsf_train.run_options import recipe
from neuro_runtime.backends import loihi_fast, loihi_sim
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program import Program
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.loihi_fast.host import CompiledHost
from neuro_runtime.token import Token
from support.recorded import recording_of, tokens_of
from support.recurrent_stream import RecurrentStream
from support.timing import Times, Work, over, take_turns
from support.torch_stream import TorchStream

FAST, NEURONS, LAVA = "loihi-fast", "loihi-fast, neurons alone", "loihi-sim"
WITH_ONNX = [ModelKind.decision_transformer, ModelKind.decision_convformer, ModelKind.mlp, ModelKind.difference_mlp]
IN_TORCH = [ModelKind.fcnet, ModelKind.spikegpt, ModelKind.spikebert]
LAVA_DECISIONS = 3
LIMIT = 1e-5


@dataclass
class Options:
    """The policy to time, and how often."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    decisions: int = 100
    rounds: int = 9
    processor_time: bool = False  # of this process, which neighbours on its cores lengthen less; loihi-sim has another


def main(argv: list[str]) -> int:
    """Compare the two forms of PyTorch, time all ways, and print medians and ratios."""
    options = compose(Options, argv)
    torch.set_num_threads(1)
    files = find_policy(options.policy or options.env)
    policy, program = load_model_file(files.need_model()), load_program(files.need_program())
    recording = recording_of(files, options.decisions)
    difference = _stream_against_window(policy, recording)
    tokens = tokens_of(recording)
    _, currents = CompiledHost(program.encoder, program.readout).encode(tokens)
    lava = loihi_sim.open_backend(files)
    try:
        ways = {
            FAST: over(tokens, loihi_fast.open_backend(files).decide),
            NEURONS: over(currents, LoihiFast(program).decide),
            **_before_passes(policy, program, tokens, currents),
            "torch, stream": over(tokens, TorchStream(policy).act),
            "torch, window": over(tokens, torch_backend.open_backend(files).decide),
            **{
                f"ONNX Runtime, {name}": over(tokens, OnnxSession(model).act)
                for name, model in _onnx(options.env, policy, program)
            },
            **{name: over(tokens, decide) for name, decide in _in_torch(options.env, policy)},
            LAVA: over(tokens[:LAVA_DECISIONS], lava.decide),
        }
        clock = time.process_time if options.processor_time else time.perf_counter
        times = take_turns(ways, options.rounds, clock)
    finally:
        lava.close()
    print(f"{options.env}, one decision, {options.rounds} rounds of {options.decisions} (loihi-sim {LAVA_DECISIONS})")
    print(f"torch: the stream's actions are the window's to {difference:.1g}\n")
    print(_table(times))
    return 0


def _before_passes(
    policy: PolicyModel, program: Program, tokens: list[Token], currents: NDArray[np.int32]
) -> dict[str, Work]:
    """The program as it was rounded, if passes changed it."""
    if PASSES not in program.provenance:
        return {}
    before = rounded_again(program, policy)
    return {
        f"{FAST}, before passes": over(tokens, loihi_fast.LoihiFastBackend(before).decide),
        f"{NEURONS}, before passes": over(currents, LoihiFast(before).decide),
    }


def _onnx(env: str, policy: PolicyModel, program: Program) -> Iterator[tuple[str, onnx.ModelProto]]:
    """The policy's two streams, and the baselines in float32 and int8."""
    yield "float32 stream", program_model(lower(fold(policy.model), policy, {}), {})
    yield "integer stream", program_model(program, {})
    for kind in WITH_ONNX:
        for precision in (FLOAT32, INT8):
            yield f"{kind.value}, {precision}", baseline_model(_untrained(kind, env, policy), precision, {})


def _in_torch(env: str, policy: PolicyModel) -> Iterator[tuple[str, Callable[[Token], object]]]:
    """Windows of the baselines that ONNX does not have, and streams of those that recur."""
    for kind in IN_TORCH:
        baseline = _untrained(kind, env, policy)
        yield f"torch, {kind.value}, window", TorchBackend(baseline).decide
        if isinstance(baseline.model, RecurrentPolicy):
            yield f"torch, {kind.value}, recurrent", RecurrentStream(baseline).act


def _untrained(kind: ModelKind, env: str, policy: PolicyModel) -> PolicyModel:
    """A baseline of its recipe's size in the place of the policy's model."""
    config = compose(TrainConfig, [f"env={env}", *recipe(kind.value), f"model.kind={kind.value}"]).model
    return replace(policy, model=make_model(config, policy.model.observation_size, policy.model.action_size).eval())


def _stream_against_window(policy: PolicyModel, recording: Recording) -> float:
    """The largest difference of an action, both in float64."""
    stream = TorchStream(policy, torch.float64)
    actions = []
    for episode in recording.episodes:
        stream.reset()
        actions += [stream.act(token) for token in episode]
    window = run_model(policy, recording, lambda: None)
    difference = float(np.abs(np.array(actions) - window.actions).max())
    if not difference < LIMIT:
        raise GateFailed(f"torch's stream differs from its window by {difference:.2g}, the limit is {LIMIT:g}")
    return difference


def _table(times: Times) -> str:
    rows = [("", "median", "fastest round", "loihi-fast is")]
    for way in times.seconds:
        median, fastest, ratio = times.typical(way), times.best(way), times.ratio(way, to=FAST)
        comparison = f"{ratio:,.1f} × faster" if ratio > 1 else ""
        rows.append((way, f"{1e6 * median:,.1f} µs", f"{1e6 * fastest:,.1f} µs", comparison))
    return text_table(rows)


if __name__ == "__main__":
    sys.exit(run_command(main, "decision_time"))
