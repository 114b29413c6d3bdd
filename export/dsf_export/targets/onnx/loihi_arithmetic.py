"""Loihi's integers in ONNX, as `neuro_runtime.simulators.loihi_arithmetic` has them.

ONNX shifts no signed integers, and rounding towards 0 and flooring part below it. So magnitudes alone are divided, by
powers of two, and their sign comes back afterwards. Every number is of 32 bits, which valid programs' currents and
membranes fit whatever arrives (`neuro_runtime.program.validate`), but for products that are not proven to fit: those
have 64.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_export.targets.onnx.arithmetic import Arithmetic, Membrane, geometry
from dsf_export.targets.onnx.graph import GraphBuilder
from neuro_runtime.program.decay import current_loss, effective_threshold, steps_to_zero, voltage_loss
from neuro_runtime.program.limits import CURRENT_SHIFT, DECAY_ONE, LARGEST_WORD, STATE_LIMIT
from neuro_runtime.program.nodes import Convolution, Dense, Lif, Neurons
from neuro_runtime.simulators.loihi_arithmetic import shift

HALVED = 1  # weights are even, and halves of them fit 8 bits with their sign
RAISED = 1 << 30  # more than any sum of weights


class LoihiArithmetic(Arithmetic):
    """``u ← wrap24(trunc0(u·(4096 − loss) / 4096) + (a << 6))`` and so on, see `neuro_runtime.program.nodes.Lif`.

    Parameters
    ----------
    bounds
        How large |u| and |v| can become, by node: what cannot wrap or saturate is not asked whether it does.
    """

    spikes = np.uint8
    state = np.int32

    def __init__(self, graph: GraphBuilder, bounds: dict[str, tuple[float, float]]) -> None:
        super().__init__(graph)
        self._bounds = bounds

    def product(self, spikes: str, connection: Dense, name: str) -> str:
        weight = self.graph.constant(np.asarray(connection.weight).T >> HALVED, np.int8, name)
        return self.shifted(self.graph.op("MatMulInteger", spikes, weight), connection.exponent + HALVED)

    def convolved(self, spikes: str, connection: Convolution, name: str) -> str:
        weight = self.graph.constant(np.asarray(connection.weight) >> HALVED, np.int8, name)
        convolved = self.graph.op("ConvInteger", spikes, weight, **geometry(connection))
        return self.shifted(convolved, connection.exponent + HALVED)

    def shifted(self, value: str, exponent: int) -> str:
        if exponent == 0:
            return value
        if exponent > 0:
            return self.graph.op("Mul", value, self._integer(1 << exponent))
        # Raised by a multiple of the divisor, no value is negative, and the division floors.
        raised = self.graph.op("Add", value, self._integer(RAISED))
        divided = self.graph.op("Div", raised, self._integer(1 << -exponent))
        return self.graph.op("Sub", divided, self._integer(RAISED >> -exponent))

    def constant(self, total: NDArray[Any]) -> str:
        return self.graph.constant(total, np.int32)

    def shifted_weights(self, weight: NDArray[Any], exponent: int) -> NDArray[Any]:
        return shift(np.asarray(weight, np.int64), exponent)

    def forgets(self, lif: Lif, idle: int) -> bool:
        return steps_to_zero(voltage_loss(lif), at_most=idle + 1) <= idle

    def idle(self, lif: Lif, voltage: str | None, steps: int) -> str | None:
        for _ in range(steps):
            voltage = self._decayed(voltage, voltage_loss(lif), STATE_LIMIT)
        return voltage

    def update(self, node: Neurons, membrane: Membrane, arriving: str) -> Membrane:
        lif = node.as_lif("loihi")
        largest_current, largest_voltage = self._bounds[node.name]
        brought = self.graph.op("Mul", arriving, self._integer(1 << CURRENT_SHIFT))
        current = self._onto(membrane.current, current_loss(lif), largest_current, brought)
        if largest_current >= STATE_LIMIT:
            current = self._wrapped(current)
        voltage = self._onto(membrane.voltage, voltage_loss(lif), largest_voltage, current)
        if largest_voltage >= STATE_LIMIT:
            voltage = self._clipped(voltage)
        return Membrane(current, voltage)

    def fires(self, lif: Lif, voltage: str) -> str:
        return self.graph.op("Greater", voltage, self._integer(effective_threshold(lif)))

    def summed(self, arriving: list[str]) -> str:
        first_axis = self.graph.constant(np.array([0], np.int64))
        total = self.add([self.graph.op("ReduceSum", part, first_axis, keepdims=1) for part in arriving])
        return self.graph.op("Mul", total, self._integer(1 << CURRENT_SHIFT))

    def sums_freely(self, node: Neurons) -> bool:
        return max(self._bounds[node.name]) < STATE_LIMIT

    def _integer(self, value: int) -> str:
        return self.graph.constant(value, np.int32)

    def _onto(self, state: str | None, loss: int, largest: float, arriving: str) -> str:
        kept = self._decayed(state, loss, largest)
        return arriving if kept is None else self.graph.op("Add", kept, arriving)

    def _decayed(self, state: str | None, loss: int, largest: float) -> str | None:
        """``trunc0(state·(4096 − loss) / 4096)``, the fraction in its lowest terms."""
        common = gcd(DECAY_ONE - loss, DECAY_ONE)
        factor, divisor = (DECAY_ONE - loss) // common, DECAY_ONE // common
        if state is None or factor == 0:
            return None
        if divisor == 1:
            return state
        wide = min(largest, STATE_LIMIT) * factor > LARGEST_WORD
        magnitude = self.graph.op("Abs", state)
        if wide:
            magnitude = self.graph.cast(magnitude, np.int64)
        dtype = np.int64 if wide else np.int32
        if factor > 1:
            magnitude = self.graph.op("Mul", magnitude, self.graph.constant(factor, dtype))
        kept = self.graph.op("Div", magnitude, self.graph.constant(divisor, dtype))
        if wide:
            kept = self.graph.cast(kept, np.int32)
        return self.graph.op("Mul", self.graph.op("Sign", state), kept)

    def _wrapped(self, state: str) -> str:
        """u beyond 24 bits comes back on the other side, once."""
        limit, around = self._integer(STATE_LIMIT), self._integer(2 * STATE_LIMIT)
        below = self.graph.op("Sub", state, around)
        lowered = self.graph.op("Where", self.graph.op("Greater", state, limit), below, state)
        above = self.graph.op("Add", state, around)
        is_low = self.graph.op("LessOrEqual", state, self._integer(-STATE_LIMIT))
        return self.graph.op("Where", is_low, above, lowered)

    def _clipped(self, state: str) -> str:
        return self.graph.op("Clip", state, self._integer(1 - STATE_LIMIT), self._integer(STATE_LIMIT - 1))
