"""Loihi's integers as ONNX operators, beside numpy's, in two runtimes and over the whole range of the states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from dsf_export.targets.onnx.arithmetic import Membrane
from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.loihi_arithmetic import LoihiArithmetic
from dsf_export.targets.onnx.session import OnnxSession
from neuro_runtime.program.limits import STATE_LIMIT
from neuro_runtime.program.nodes import Lif
from neuro_runtime.simulators.loihi_arithmetic import clip24, decayed, shift, wrap24

Integers = NDArray[np.int64]
Operators = Callable[[LoihiArithmetic, str], str]

SIZE = 4000
EDGES = [0, 1, -1, 63, -63, 64, -64, STATE_LIMIT - 1, 1 - STATE_LIMIT, STATE_LIMIT, -STATE_LIMIT]


def states(largest: int) -> Integers:
    random = np.random.default_rng(1)
    edges = [edge for edge in EDGES if abs(edge) <= largest]
    return np.concatenate([random.integers(-largest, largest, SIZE - len(edges), endpoint=True), edges])


def computed(operators: Operators, values: Integers, runtime: str) -> Integers:
    """What ``operators`` make of ``values``."""
    graph = GraphBuilder("test")
    given = graph.input("given", np.int32, (1, SIZE))
    bounds = {"lif": (float(2 * STATE_LIMIT), float(2 * STATE_LIMIT))}
    graph.output("result", operators(LoihiArithmetic(graph, bounds), given), np.int32, (1, SIZE))
    model = graph.model({})
    inputs = {"given": values[None].astype(np.int32)}
    results: Any
    if runtime == "reference":
        results = ReferenceEvaluator(model).run(None, inputs)
    else:
        results = OnnxSession(model).run(inputs, ["result"])
    return np.asarray(results[0][0], np.int64)


@pytest.mark.parametrize("runtime", ["onnxruntime", "reference"])
@pytest.mark.parametrize("exponent", [-8, -3, -1, 0, 1, 5])
def test_a_shift_to_the_right_floors(exponent: int, runtime: str) -> None:
    values = states(2**20)
    np.testing.assert_array_equal(
        computed(lambda arithmetic, given: arithmetic.shifted(given, exponent), values, runtime),
        shift(values, exponent),
    )


@pytest.mark.parametrize("runtime", ["onnxruntime", "reference"])
@pytest.mark.parametrize("voltage_decay", [0, 1, 1024, 3072, 4095, 777])
def test_a_membrane_that_receives_nothing_rounds_towards_zero(voltage_decay: int, runtime: str) -> None:
    lif, values = Lif("lif", SIZE, 4095, voltage_decay, 100), states(STATE_LIMIT - 1)

    def idle(arithmetic: LoihiArithmetic, given: str) -> str:
        kept = arithmetic.idle(lif, given, 1)
        assert kept is not None
        return kept

    np.testing.assert_array_equal(computed(idle, values, runtime), decayed(values, voltage_decay))


@pytest.mark.parametrize("runtime", ["onnxruntime", "reference"])
def test_a_time_step_wraps_currents_and_saturates_voltages(runtime: str) -> None:
    lif, values = Lif("lif", SIZE, 500, 1000, 100), states(STATE_LIMIT - 1)
    arriving = np.random.default_rng(2).integers(-250_000, 250_000, SIZE)

    def step(which: str) -> Operators:
        def operators(arithmetic: LoihiArithmetic, given: str) -> str:
            brought = arithmetic.constant(arriving[None])
            membrane = arithmetic.update(lif, Membrane(given, given), brought)
            result = membrane.current if which == "current" else membrane.voltage
            assert result is not None
            return result

        return operators

    current = wrap24(decayed(values, 501) + (arriving << 6))
    voltage = clip24(decayed(values, 1000) + current)
    assert (np.abs(current) > STATE_LIMIT // 2).any()
    assert (np.abs(voltage) == STATE_LIMIT - 1).any()
    np.testing.assert_array_equal(computed(step("current"), values, runtime), current)
    np.testing.assert_array_equal(computed(step("voltage"), values, runtime), voltage)
