"""Neurons that could set the step of their whole layer: limited without a change of their spikes, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_export.lost_layers import refuse_lost_layers, warnings_of
from dsf_export.pipeline import from_policy
from dsf_export.quantise.outliers import LIMITS, limit_reach
from dsf_export.quantise.reach import reach_of_neurons, weights_into
from dsf_export.stages import run_program
from dsf_models.configuration import ModelKind
from neuro_runtime.program import Program
from neuro_runtime.program.nodes import Dense
from neuro_runtime.program.weight_format import DEFAULT_FORMAT
from support.outliers import NEURON, OUTLIERS, SOURCE, with_outlier
from support.random_policies import random_policy
from support.small_policies import ACTIONS, OBSERVATIONS, PSSA, delay_policy, lowered, made_up

LAYER = "block0.mlp.hidden"
MLP = random_policy(replace(PSSA, kind=ModelKind.spiking_mlp, blocks=1), OBSERVATIONS, ACTIONS, seed=1)


@pytest.mark.parametrize("size", [30.0, 100.0, 300.0, 1000.0, 1e6])
@pytest.mark.parametrize("what", OUTLIERS)
def test_a_layer_with_an_outlier_keeps_its_spikes(what: str, size: float) -> None:
    candidate = from_policy(with_outlier(MLP, "blocks.0.mlp.hidden", what, size), {}, decisions=30)
    refuse_lost_layers(candidate.layers, DEFAULT_FORMAT)
    for layer in candidate.layers:
        if layer.alone and layer.in_program:
            assert layer.alone.agreement > 0.995
            assert layer.in_program.agreement > 0.98
            assert (layer.vanished or 0.0) < 0.1
    if size >= 1000:
        assert [item for item in warnings_of(candidate.layers, DEFAULT_FORMAT) if f"{LAYER}: neuron {NEURON} " in item]


def _with_weight(program: Program, weight: float, whole_row: bool = False) -> Program:
    """One weight, or all of a neuron, of the first connection into the layer, made huge."""

    def changed(connection: Dense) -> Dense:
        made = connection.weight.astype(np.float64)
        made[NEURON, slice(None) if whole_row else SOURCE] *= weight / made[NEURON, SOURCE]
        return replace(connection, weight=made)

    n = next(n for n, item in enumerate(program.connections) if item.target == LAYER and item.source != "bias")
    connection = program.connections[n]
    assert isinstance(connection, Dense)
    return replace(program, connections=(*program.connections[:n], changed(connection), *program.connections[n + 1 :]))


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("whole_row", [False, True], ids=["one weight", "a row"])
def test_reach_is_limited_in_its_neuron_alone(limit: float, whole_row: bool) -> None:
    program = _with_weight(lowered(delay_policy())[1], 5000.0, whole_row)
    limited = limit_reach(program, {LAYER: limit})
    before, after = reach_of_neurons(program, LAYER), reach_of_neurons(limited, LAYER)
    assert after[NEURON] == pytest.approx(limit)
    assert before[NEURON] > 4000
    assert np.array_equal(np.delete(before, NEURON), np.delete(after, NEURON))
    rows = [np.asarray(weights_into(each, LAYER)[0].weight)[NEURON] for each in (program, limited)]
    if whole_row:
        np.testing.assert_allclose(rows[1] / rows[0], rows[1][0] / rows[0][0])
    else:
        assert np.array_equal(np.delete(rows[0], SOURCE), np.delete(rows[1], SOURCE))


def test_a_weight_that_decides_a_spike_alone_may_be_any_larger() -> None:
    program = _with_weight(lowered(delay_policy())[1], 1e6)
    recording = made_up(delay_policy())
    runs = [run_program(each, recording, lambda: None) for each in (program, limit_reach(program, {LAYER: 512.0}))]
    before, after = (np.array([decision[LAYER] for decision in run.spikes]) for run in runs)
    assert before[:, :, NEURON].any()
    assert np.array_equal(before, after)


def test_a_lost_layer_is_named_with_its_neuron_and_the_cure() -> None:
    candidate = from_policy(MLP, {}, decisions=10)
    (layer,) = (row for row in candidate.layers if row.layer == LAYER)
    assert layer.alone is not None
    lost = replace(layer, alone=replace(layer.alone, agreement=0.8, overlap=0.1), vanished=0.4)
    with pytest.raises(UserError, match=rf"{LAYER} is lost in rounding: .* neuron \d+ .*; export with --exponents 8"):
        refuse_lost_layers([lost], DEFAULT_FORMAT)
    damaged = replace(layer, alone=replace(layer.alone, agreement=0.95, overlap=0.5))
    refuse_lost_layers([damaged], DEFAULT_FORMAT)
    (warning,) = warnings_of([damaged], DEFAULT_FORMAT)
    assert f"{LAYER} is damaged by rounding" in warning
