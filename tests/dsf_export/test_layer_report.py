"""The report of each layer, beside the same figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsf_export.layer_report import LayerReport, bits_used, compare_spikes, report_layers, report_program
from dsf_export.stages import run_program
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.program.headroom import headroom
from neuro_runtime.program.nodes import Connection, Dense, Lif
from neuro_runtime.program.weight_format import WeightFormat
from support.small_policies import calibrations, delay_policy, lowered, made_up, pssa_policy, quantised, scales


def _report(policy: PolicyModel, weight_format: WeightFormat) -> dict[str, LayerReport]:
    real, integer, recording = lowered(policy)[1], quantised(policy, weight_format), made_up(policy)
    run, real_run = (run_program(program, recording, lambda: None) for program in (integer, real))
    return {row.layer: row for row in report_layers(integer, real, run, real_run, calibrations(policy, real))}


def test_agreement_counts_silence_and_overlap_does_not() -> None:
    one = np.array([[True, True, False, False, False, False]])
    other = np.array([[True, False, True, False, False, False]])
    spikes = compare_spikes(one, other)
    assert spikes.agreement == pytest.approx(4 / 6)
    assert spikes.overlap == pytest.approx(1 / 3)


def test_where_nothing_fires_there_is_no_overlap() -> None:
    silent = np.zeros((2, 3), dtype=bool)
    assert compare_spikes(silent, silent).agreement == 1
    assert compare_spikes(silent, silent).overlap is None


@pytest.mark.parametrize("bits", [8, 4])
def test_weight_error_is_relative_to_the_layers_weights(bits: int) -> None:
    policy, weight_format, layer = delay_policy(), WeightFormat(bits), "block0.attention.output"
    chosen = scales(policy, weight_format)

    def by_delay(connections: list[Connection]) -> dict[int, np.ndarray]:
        sums: dict[int, np.ndarray] = {}
        for item in connections:
            if isinstance(item, Dense) and item.source != "bias":
                sums[item.delay] = sums.get(item.delay, 0) + item.weight.astype(float) * 2.0**item.exponent
        return sums

    real = by_delay(lowered(policy)[1].connections_into(layer))
    integer = by_delay(quantised(policy, weight_format).connections_into(layer))
    squared = sum(((integer[delay] / chosen.of[layer] - weight) ** 2).sum() for delay, weight in real.items())
    wanted = np.sqrt(squared / sum((weight**2).sum() for weight in real.values()))
    assert _report(policy, weight_format)[layer].weight_error == pytest.approx(wanted, rel=1e-5)


def test_fewer_bits_mean_larger_weight_errors_and_fewer_equal_spikes() -> None:
    eight, three = (_report(pssa_policy(), WeightFormat(bits)) for bits in (8, 3))
    for name, row in eight.items():
        if row.weight_error is not None:
            assert row.weight_error < (three[name].weight_error or 0)
    for which in ("alone", "in_program"):
        agreements = [
            np.mean([getattr(row, which).agreement for row in report.values() if getattr(row, which)])
            for report in (eight, three)
        ]
        assert agreements[0] > agreements[1]


def test_every_group_has_its_row_and_what_does_not_apply_is_none() -> None:
    report = _report(pssa_policy(), WeightFormat())
    program = quantised(pssa_policy())
    assert [row.headroom for row in report.values()] == headroom(program)
    gate, reader, action = report["block0.attention.gate"], report["block0.attention.input"], report["action"]
    assert (gate.weight_error, gate.bits_used, gate.alone) == (None, None, None)
    assert gate.in_program is not None
    assert reader.weight_error is None  # the first block's input weighs nothing
    assert reader.alone is not None
    assert action.weight_error is not None
    assert (action.alone, action.in_program) == (None, None)


def test_the_layer_that_nothing_precedes_is_the_same_alone_and_in_the_program() -> None:
    row = _report(delay_policy(), WeightFormat(4))["block0.attention.input"]
    assert row.alone == row.in_program


def test_bits_used_are_those_between_the_smallest_and_the_largest_mantissa() -> None:
    program = quantised(delay_policy(), WeightFormat(8, exponents=1))
    layer = "block1.mlp.hidden"

    def narrowed(connection: Connection) -> Connection:
        if not isinstance(connection, Dense) or connection.target != layer or connection.source == "bias":
            return connection
        weight = np.zeros_like(connection.weight)
        weight[0, :3] = -4, 2, 10  # 8 mantissas: −4, −2, … 10
        return replace(connection, weight=weight)

    few = replace(program, connections=tuple(narrowed(item) for item in program.connections))
    assert bits_used(few, layer) == pytest.approx(3)
    assert 7 < (bits_used(program, layer) or 0) <= 8


def test_a_program_alone_reports_its_room_and_its_bits() -> None:
    program = quantised(pssa_policy(), WeightFormat(4))
    run = run_program(program, made_up(pssa_policy()), lambda: None)
    rows = {row.layer: row for row in report_program(program, run)}
    for node in program.nodes:
        if isinstance(node, Lif) and (used := rows[node.name].bits_used) is not None:
            assert 0 < used <= 4
    assert all(row.in_program is None and row.headroom.bits >= 0 for row in rows.values())
