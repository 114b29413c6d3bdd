"""Parity: equal stages pass, broken ones fail with the layer's name, and rounding is told from error."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from dsf_common.errors import GateFailed
from dsf_export.fold import fold
from dsf_export.parity import (
    FAILED,
    Parity,
    ParityRow,
    Rounding,
    float_row,
    identical_row,
    quantised_row,
    reference_row,
    stream_rounding,
    table,
    window_rounding,
)
from dsf_export.pipeline import from_policy, from_program, with_read_back
from dsf_export.recording import Recording
from dsf_export.stages import FoldedRun, StageRun, run_folded, run_model, run_program
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program import Program
from neuro_runtime.program.nodes import Dense
from support.small_policies import beside_policy, levels_policy, lowered, made_up, pssa_policy, quantised

LAYER, LATER_LAYER = "block0.attention.key", "block1.mlp.input"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return made_up(pssa_policy(), decisions=24, episode_length=12)


@pytest.fixture(scope="module")
def model(recording: Recording) -> StageRun:
    return run_model(pssa_policy(), recording, lambda: None)


@pytest.fixture(scope="module")
def folded(recording: Recording) -> FoldedRun:
    return run_folded(fold(pssa_policy().model), pssa_policy().normalisation, recording, lambda: None)


@pytest.mark.parametrize("policy", [beside_policy(), levels_policy()], ids=["beside", "levels"])
def test_every_mixing_that_exports_does_so_as_integers_too(policy: PolicyModel) -> None:
    candidate = from_policy(policy, {}, decisions=12)
    parity = with_read_back(candidate, candidate.program, "read back", lambda: None)
    parity.require()
    assert [row.verdict for row in parity.rows] == ["reference", "equal", "equal", "quantised", "identical"]


def test_an_untouched_export_has_equal_float_stages_and_an_identical_file() -> None:
    candidate = from_policy(pssa_policy(), {}, decisions=12)
    parity = with_read_back(candidate, candidate.program, "read back", lambda: None)
    parity.require()
    assert [row.verdict for row in parity.rows] == ["reference", "equal", "equal", "quantised", "identical"]
    assert [row.different for row in parity.rows[:3]] == [0, 0, 0]
    assert parity.rows[2].action_difference < 1e-9
    assert parity.rows[2].compared == parity.rows[0].compared > 12 * 4 * 16 * 14
    assert all(row.stage in table(parity) for row in parity.rows)


def test_a_program_is_compared_with_itself_alone() -> None:
    candidate = from_program(quantised(pssa_policy()), 5, lambda: None)
    parity = with_read_back(candidate, candidate.program, "read back", lambda: None)
    assert [row.verdict for row in parity.rows] == ["reference", "identical"]


def test_a_delay_one_step_off_fails_and_names_its_layer(
    recording: Recording, model: StageRun, folded: FoldedRun
) -> None:
    program = _with_later_bias(lowered(pssa_policy())[1], "block1.attention.query")
    row = _stream_row(program, recording, model, folded)
    assert (row.verdict, row.first_layer) == (FAILED, "block1.attention.query")
    assert row.at_threshold == row.following == 0
    with pytest.raises(GateFailed, match=r"\d+ spikes differ, first in block1\.attention\.query"):
        Parity(recording, (row,)).require()


def test_a_wrong_readout_fails_though_every_spike_is_right(
    recording: Recording, model: StageRun, folded: FoldedRun
) -> None:
    program = lowered(pssa_policy())[1]
    shifted = replace(program, readout=replace(program.readout, bias=program.readout.bias + 1e-3))
    row = _stream_row(shifted, recording, model, folded)
    assert (row.verdict, row.different) == (FAILED, 0)


def test_spikes_between_tokens_fail(recording: Recording, model: StageRun, folded: FoldedRun) -> None:
    program = run_program(quantised(pssa_policy()), recording, lambda: None)
    rasters = copy.deepcopy(program.rasters)
    rasters[3]["block1.mlp.hidden"][0] = True  # the layer's depth is 13, so nothing may fire at time step 0
    assert quantised_row("fixed point", program, model).verdict == "quantised"
    assert quantised_row("fixed point", replace(program, rasters=rasters), model).verdict == FAILED


def test_a_spike_at_its_threshold_is_counted_and_so_is_what_follows(
    recording: Recording, model: StageRun, folded: FoldedRun
) -> None:
    """Decision 5 flips in one layer; the same neuron later, a later layer and decision 7 may then differ too."""
    run, near = _flipped(model, [(5, LAYER, 1), (5, LAYER, 2), (5, LATER_LAYER, 0), (7, LAYER, 0)]), _near(folded, 5)
    row = float_row("stage", run, model, near, _rounding(reach=5), recording)
    assert (row.verdict, row.different, row.at_threshold, row.following) == ("equal", 4, 1, 3)
    assert row.first_layer == LAYER


@pytest.mark.parametrize(
    "unrelated",
    [
        pytest.param((4, LAYER, 0), id="an earlier decision"),
        pytest.param((5, "block0.attention.input", 0), id="an earlier layer"),
        pytest.param((10, LAYER, 0), id="a decision that no longer sees it"),
        pytest.param((12, LAYER, 0), id="another episode"),
    ],
)
def test_what_a_spike_at_its_threshold_cannot_have_changed_fails(
    recording: Recording, model: StageRun, folded: FoldedRun, unrelated: tuple[int, str, int]
) -> None:
    run = _flipped(model, [(5, LAYER, 1), unrelated])
    row = float_row("stage", run, model, _near(folded, 5), _rounding(reach=5), recording)
    assert (row.verdict, row.at_threshold, row.following) == (FAILED, 1, 0)


def test_the_tolerance_of_the_stream_is_what_a_membrane_keeps_over_the_gap(folded: FoldedRun) -> None:
    program = lowered(pssa_policy())[1]
    window, stream = window_rounding(folded, 5), stream_rounding(folded, 5, beta=0.25, program=program)
    for name, tolerance in stream.tolerance.items():
        assert window.tolerance[name] == 1e-9 < tolerance < 1e-7


def test_a_program_that_reads_back_otherwise_fails(recording: Recording, model: StageRun) -> None:
    program = run_program(quantised(pssa_policy()), recording, lambda: None)
    accumulators = [*program.accumulators[:-1], program.accumulators[-1] + 1]
    other = replace(program, accumulators=accumulators)
    assert identical_row("file", program, program, model, same_content=True).verdict == "identical"
    assert identical_row("file", other, program, model, same_content=True).verdict == FAILED
    assert identical_row("file", program, program, model, same_content=False).verdict == FAILED


def test_the_first_row_is_what_the_others_are_compared_with(model: StageRun) -> None:
    row = reference_row("model", model)
    assert (row.verdict, row.action_difference, row.different) == ("reference", 0.0, 0)


def _stream_row(program: Program, recording: Recording, model: StageRun, folded: FoldedRun) -> ParityRow:
    run = run_program(program, recording, lambda: None)
    return float_row("lowered", run, model, folded, stream_rounding(folded, 5, 0.25, program), recording)


def _with_later_bias(program: Program, layer: str) -> Program:
    connections = tuple(
        replace(connection, delay=connection.delay + 1)
        if isinstance(connection, Dense) and connection.source == "bias" and connection.target == layer
        else connection
        for connection in program.connections
    )
    return replace(program, connections=connections)


def _flipped(run: StageRun, places: list[tuple[int, str, int]]) -> StageRun:
    """``run`` with neuron 0 flipped in (decision, layer, time step)."""
    spikes = copy.deepcopy(run.spikes)
    for decision, layer, step in places:
        spikes[decision][layer][step, 0] ^= True
    return StageRun(run.actions, spikes)


def _near(folded: FoldedRun, decision: int) -> FoldedRun:
    """Only neuron 0 of `LAYER` is at its threshold, at time step 1 of ``decision``."""
    membranes = [
        {name: np.where(np.abs(values - 1) < 1e-6, 0.5, values) for name, values in layers.items()}
        for layers in folded.membranes
    ]
    membranes[decision][LAYER][1, 0] = 1 + 1e-12
    return replace(folded, membranes=membranes)


def _rounding(reach: int) -> Rounding:
    layers = [f"block{n}.{name}" for n in range(2) for name in ("attention.input", "attention.query", "attention.key")]
    layers += [f"block{n}.{name}" for n in range(2) for name in ("attention.value", "attention.output")]
    layers += [f"block{n}.{name}" for n in range(2) for name in ("mlp.input", "mlp.hidden")]
    return Rounding(dict.fromkeys(layers, 1e-9), reach)
