"""Do a policy's ONNX files answer as the interpreter and the model do? Every spike of every shipped policy.

    python -m benchmarks.onnx_runtime [decisions=500] [envs=pendulum,pen-e]

The decisions are those of the policy in its environment. Integers: the program that ships, in ONNX Runtime beside the
interpreter, every neuron in every time step. Float32: the program before it was rounded beside the model in float64,
which computes its whole window; a spike may differ where a membrane is within float32's rounding of its threshold, and
others may follow from it. Status 1 if any other differs, or an action of a decision without such a spike by more than
1e-5.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export.fold import fold
from dsf_export.lower import lower
from dsf_export.parity import FAILED, ParityRow
from dsf_export.pipeline import FloatForm
from dsf_export.stages import run_folded, run_model, run_program
from dsf_export.targets.onnx.program_file import write
from dsf_export.targets.onnx.stages import Compared, float_file_row, program_row, write_float
from dsf_models.checkpoint import load_model_file
from neuro_runtime.policy_files import find_policy, shipped_policies
from neuro_runtime.program.storage import load_program
from support.recorded import recording_of

HEADER = ("", "spikes, integers", "different", "spikes, float32", "different", "at threshold", "after", "action")


@dataclass
class Options:
    """How many decisions, and of which policies."""

    decisions: int = 500
    envs: str = ""  # with commas; all that ship unless given


def main(argv: list[str]) -> int:
    """Compare all policies, and print one row each."""
    options = compose(Options, argv)
    names = options.envs.split(",") if options.envs else shipped_policies()
    rows: list[tuple[str, ...]] = [HEADER]
    failed: list[str] = []
    with TemporaryDirectory() as folder:
        for name in names:
            integers, floats = compare(name, options.decisions, Path(folder))
            rows.append((name, *_cells(integers, floats)))
            failed += [name] if FAILED in (integers.verdict, floats.verdict) else []
    print(f"{options.decisions} decisions of each policy in its environment\n")
    print(text_table(rows))
    if failed:
        raise GateFailed(f"ONNX Runtime answers otherwise in {', '.join(failed)}")
    return 0


def compare(name: str, decisions: int, folder: Path) -> tuple[ParityRow, ParityRow]:
    """The integer program beside the interpreter, and the float one beside the model."""
    files = find_policy(name)
    policy, program = load_model_file(files.need_model()), load_program(files.need_program())
    recording, folded = recording_of(files, decisions), fold(policy.model)
    compared = Compared(recording, run_model(policy, recording, _nothing))
    floating = FloatForm(
        lower(folded, policy, program.provenance),
        run_folded(folded, policy.normalisation, recording, _nothing),
        policy.model.config.receptive_field,
    )
    written = folder / "program.onnx"
    write(program, written)
    integers = program_row(program, compared, run_program(program, recording, _nothing), written)
    write_float(floating, written)
    return integers, float_file_row(floating, compared, written)


def _nothing() -> None:
    """A decision was made; no progress is shown."""


def _cells(integers: ParityRow, floats: ParityRow) -> tuple[str, ...]:
    counts = integers.compared, integers.different, floats.compared, floats.different, floats.at_threshold
    return (*(f"{count:,}" for count in counts), f"{floats.following:,}", f"{floats.action_difference:.1g}")


if __name__ == "__main__":
    sys.exit(run_command(main, "onnx_runtime"))
