"""The file of a program, written only where every gate holds, that of the file read back included.

ONNX runs by itself, so its files are run too, and the program before it was rounded stands beside it in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from dsf_common.files import atomic_write
from dsf_export.lost_layers import refuse_lost_layers
from dsf_export.parity import Parity, ParityRow
from dsf_export.pipeline import Candidate, with_read_back
from dsf_export.stages import OnDecision
from dsf_export.targets import ONNX, Target

FLOAT32 = "float32"


def write_program(
    candidate: Candidate,
    target: Target,
    output: Path,
    on_decision: OnDecision = lambda: None,
    on_parity: Callable[[Parity], object] = lambda parity: None,
) -> Parity:
    """Write ``candidate``'s program to ``output`` in the format of ``target``.

    Parameters
    ----------
    on_parity
        Is told the finished table of parity, before a gate that failed ends it.

    Raises
    ------
    GateFailed
        A stage does not match; nothing is written.
    UserError
        A layer is lost in rounding; nothing is written.
    """
    with ExitStack() as files:
        temporary = files.enter_context(atomic_write(output))
        target.write(candidate.program, temporary)
        again = target.read(temporary)
        parity = with_read_back(candidate, again, f"{target.name} file, read back", on_decision)
        if target.name == ONNX:
            rows = _in_onnx_runtime(candidate, target, output, temporary, files, on_decision)
            parity = replace(parity, rows=(*parity.rows, *rows))
        on_parity(parity)
        parity.require()
        if candidate.formats:
            refuse_lost_layers(candidate.layers, candidate.formats[0].weight_format)
    return parity


def files_of(candidate: Candidate, target: Target, output: Path) -> list[Path]:
    """The files that :func:`write_program` writes."""
    if target.name != ONNX or candidate.floating is None:
        return [output]
    return [output, target.beside(output, FLOAT32)]


def _in_onnx_runtime(
    candidate: Candidate, target: Target, output: Path, program: Path, files: ExitStack, on_decision: OnDecision
) -> list[ParityRow]:
    """Run the program's file; write and run the float one."""
    from dsf_export.targets.onnx import stages  # needs the `onnx` extra

    compared = stages.Compared(candidate.recording, candidate.first, on_decision)
    rows = [stages.program_row(candidate.program, compared, candidate.run, program)]
    if candidate.floating is not None:
        temporary = files.enter_context(atomic_write(target.beside(output, FLOAT32)))
        stages.write_float(candidate.floating, temporary)
        rows.append(stages.float_file_row(candidate.floating, compared, temporary))
    return rows
