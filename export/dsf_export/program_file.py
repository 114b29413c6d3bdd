"""The file of a program, written only where every gate holds, that of the file read back included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dsf_common.files import atomic_write
from dsf_export.lost_layers import refuse_lost_layers
from dsf_export.parity import Parity
from dsf_export.pipeline import Candidate, with_read_back
from dsf_export.stages import OnDecision
from dsf_export.targets import Target


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
    with atomic_write(output) as temporary:
        target.write(candidate.program, temporary)
        again = target.read(temporary)
        parity = with_read_back(candidate, again, f"{target.name} file, read back", on_decision)
        on_parity(parity)
        parity.require()
        if candidate.formats:
            refuse_lost_layers(candidate.layers, candidate.formats[0].weight_format)
    return parity
