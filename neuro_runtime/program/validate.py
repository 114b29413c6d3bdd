"""The rules that a program must keep, one small function each; a broken one names what, its value and the limit."""

from __future__ import annotations

from neuro_runtime.program.arithmetic_rules import ARITHMETIC_RULES
from neuro_runtime.program.graph_rules import GRAPH_RULES
from neuro_runtime.program.host_rules import HOST_RULES
from neuro_runtime.program.program import SpikingProgram


def validate(program: SpikingProgram) -> None:
    """Check every rule; those of the arithmetic take a graph that keeps its own.

    Raises
    ------
    UserError
        The first rule that is broken: the node or connection, its value and the limit.
    """
    for rule in (*GRAPH_RULES, *HOST_RULES, *ARITHMETIC_RULES):
        rule(program)
