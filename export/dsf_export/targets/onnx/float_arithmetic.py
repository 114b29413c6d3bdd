"""Float programs in ONNX, in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_export.targets.onnx.arithmetic import Arithmetic, Membrane, geometry
from neuro_runtime.program.nodes import Convolution, Dense, Lif, Neurons

FORGOTTEN = 2.0**-23  # of a threshold, about the finest that float32 tells apart there


class FloatArithmetic(Arithmetic):
    """``u ← (1 − d_u)·u + a``;  ``v ← (1 − d_v)·v + u``;  ``s = v > threshold``;  ``v[s] ← 0``.

    What is left of a membrane after idle time steps is dropped where it is below float32's resolution, as the model
    drops it, whose every token begins at 0.
    """

    spikes = np.float32
    state = np.float32

    def product(self, spikes: str, connection: Dense, name: str) -> str:
        weight = self.graph.constant(np.asarray(connection.weight).T, np.float32, name)
        return self.graph.op("MatMul", spikes, weight)

    def convolved(self, spikes: str, connection: Convolution, name: str) -> str:
        weight = self.graph.constant(connection.weight, np.float32, name)
        return self.graph.op("Conv", spikes, weight, **geometry(connection))

    def shifted(self, value: str, exponent: int) -> str:
        return value  # float programs have no exponents

    def constant(self, total: NDArray[Any]) -> str:
        return self.graph.constant(total, np.float32)

    def shifted_weights(self, weight: NDArray[Any], exponent: int) -> NDArray[Any]:
        return np.asarray(weight, np.float64)

    def forgets(self, lif: Lif, idle: int) -> bool:
        return bool((1 - lif.voltage_decay) ** idle <= FORGOTTEN)

    def idle(self, lif: Lif, voltage: str | None, steps: int) -> str | None:
        return self._kept(voltage, (1 - lif.voltage_decay) ** steps)

    def update(self, node: Neurons, membrane: Membrane, arriving: str) -> Membrane:
        lif = node.as_lif("float")
        current = self._onto(membrane.current, 1 - lif.current_decay, arriving)
        return Membrane(current, self._onto(membrane.voltage, 1 - lif.voltage_decay, current))

    def fires(self, lif: Lif, voltage: str) -> str:
        comparison = "GreaterOrEqual" if lif.fires_at_threshold else "Greater"
        return self.graph.op(comparison, voltage, self.graph.constant(lif.threshold, np.float32))

    def summed(self, arriving: list[str]) -> str:
        first_axis = self.graph.constant(np.array([0], np.int64))
        return self.add([self.graph.op("ReduceSum", part, first_axis, keepdims=1) for part in arriving])

    def sums_freely(self, node: Neurons) -> bool:
        return True

    def _onto(self, state: str | None, share: float, arriving: str) -> str:
        kept = self._kept(state, share)
        return arriving if kept is None else self.graph.op("Add", kept, arriving)

    def _kept(self, state: str | None, share: float) -> str | None:
        if state is None or share == 0:
            return None
        return state if share == 1 else self.graph.op("Mul", state, self.graph.constant(share, np.float32))
