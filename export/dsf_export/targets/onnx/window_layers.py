"""Layers of spiking neurons over a window: currents and spikes are (T, tokens, width), a held current has T = 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsf_export.folding import Affine
from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.linear import array

SPIKES, MEMBRANE = "spikes.", "membrane."


class Layers:
    """Adds layers to ``graph``; neurons have threshold 1, and begin every token at 0.

    What the last token's neurons did is given out, (T, width) each: ``spikes.<layer>``, and ``membrane.<layer>``, the
    membranes before their reset, which say how near to its threshold a neuron was.
    """

    def __init__(self, graph: GraphBuilder, beta: float, time_steps: int) -> None:
        self.graph = graph
        self._beta = beta
        self._time_steps = time_steps

    def affine(self, values: str, affine: Affine) -> str:
        """``weight @ values + bias``."""
        weight, bias = (self.graph.constant(each) for each in (array(affine.weight.T), array(affine.bias)))
        return self.graph.op("Add", self.graph.op("MatMul", values, weight), bias)

    def shifted(self, current: str, offset: NDArray[np.float32] | None) -> str:
        """A current with ``offset``, (width,), added."""
        return current if offset is None else self.graph.op("Add", current, self.graph.constant(offset, np.float32))

    def scaled(self, current: str, factor: float) -> str:
        """A current times ``factor``."""
        return self.graph.op("Mul", current, self.graph.constant(factor, np.float32))

    def fire(self, name: str, current: str, recorded: bool = True) -> str:
        """The spikes of neurons that are given ``current``, which are recorded under ``name``."""
        graph = self.graph
        graph.begin(name)
        held = graph.op("Expand", current, graph.constant(np.array([self._time_steps, 1, 1]), np.int64))
        steps = [held] if self._time_steps == 1 else graph.split_op("Split", self._time_steps, held, axis=0)
        membranes: list[str] = []
        fired: list[str] = []
        for step in steps:
            if fired:
                silent = graph.op("Where", fired[-1], graph.constant(0, np.float32), membranes[-1])
                step = graph.op("Add", step, self.scaled(silent, self._beta))
            membranes.append(step)
            fired.append(graph.op("Greater", step, graph.constant(1, np.float32)))
        spikes = graph.cast(self._together(fired), np.float32)
        if recorded:
            self.record(name, spikes, SPIKES)
            self.record(name, self._together(membranes), MEMBRANE)
        return spikes

    def record(self, name: str, values: str, kind: str) -> None:
        """Give out the last token's values."""
        self.graph.output(f"{kind}{name}", self.last_token(values), np.float32, (self._time_steps, f"width of {name}"))

    def last_token(self, values: str) -> str:
        """(T, width)."""
        return self.graph.op("Gather", values, self.graph.constant(-1, np.int64), axis=1)

    def of_past(self, terms: list[str]) -> str:
        """``y_i = Σ_{d≤i} terms[d]_{i−d}``, over the tokens of the window."""
        graph = self.graph
        total = terms[0]
        for distance, term in enumerate(terms[1:], start=1):
            before = graph.constant(np.array([0, distance, 0, 0, 0, 0]), np.int64)
            later = graph.op("Pad", term, before)
            places = ([0], [-distance], [1])
            ends = (graph.constant(np.array(place), np.int64) for place in places)
            total = graph.op("Add", total, graph.op("Slice", later, *ends))
        return total

    def _together(self, steps: list[str]) -> str:
        return steps[0] if len(steps) == 1 else self.graph.op("Concat", *steps, axis=0)
