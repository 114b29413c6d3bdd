"""Neurons that are reset at a token's begin, which not every reader of a program can do."""

from __future__ import annotations

from dsf_common.errors import UserError
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.program import SpikingProgram


def require_no_resets(program: SpikingProgram, reader: str) -> None:
    """Do nothing if no neuron of a program is reset.

    Raises
    ------
    UserError
        Naming the first node that is, and the ``reader`` that cannot do it.
    """
    for node in program.nodes:
        if isinstance(node, Lif) and node.reset_step is not None:
            raise UserError(
                f"{node.name} is reset at a token's begin, which {reader} has no means to do: export the policy "
                "without --resets"
            )
