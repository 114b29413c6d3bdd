"""The scales that an export chooses: few wrong spikes, and no overflow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_export.quantise.calibration import integer_currents, integer_spikes
from dsf_export.quantise.group_scales import choose_scales
from dsf_export.quantise.program_rounding import quantise
from dsf_models.checkpoint import PolicyModel
from dsf_models.quantisation import Scales
from neuro_runtime.program import Program
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.nodes import Dense, Lif
from neuro_runtime.program.portable import departures
from neuro_runtime.program.weight_format import WeightFormat
from support.small_policies import calibrations, delay_policy, lowered, pssa_policy, quantised, scales

POLICIES = pytest.mark.parametrize("policy", [pssa_policy(), delay_policy()], ids=["pssa", "delay"])


@POLICIES
def test_the_chosen_scales_make_fewer_wrong_spikes_than_most(policy: PolicyModel) -> None:
    """Beside scales drawn from the octave below each chosen one, which are as free of overflow."""
    program, chosen = lowered(policy)[1], scales(policy)
    recorded = calibrations(policy, program)
    random = np.random.default_rng(0)

    def wrong(made: Scales) -> dict[str, int]:
        integer = quantise(program, made, WeightFormat())
        counts = {}
        for name, calibration in recorded.items():
            node = integer.node(name)
            if isinstance(node, Lif) and name.endswith(("query", "key", "value", "hidden", "output")):
                currents = integer_currents(calibration, integer.connections_into(name), integer.encoder)
                counts[name] = int((integer_spikes(currents, node) != calibration.fired).sum())
        return counts

    others = [
        wrong(
            replace(
                chosen,
                of={n: int(u * random.uniform(0.5, 1)) if u != chosen.injected else u for n, u in chosen.of.items()},
            )
        )
        for _ in range(9)
    ]
    best = wrong(chosen)
    assert sum(best.values()) < np.median([sum(other.values()) for other in others])


@pytest.mark.parametrize("bits", [8, 3])
@POLICIES
def test_by_default_a_program_is_portable_by_its_bounds(policy: PolicyModel, bits: int) -> None:
    assert departures(quantised(policy, WeightFormat(bits))) == []


@pytest.mark.parametrize("chip", list(Chip))
def test_a_chip_decides_what_may_arrive(chip: Chip) -> None:
    quantities = {item.quantity for item in departures(quantised(pssa_policy(), WeightFormat(chip=chip)))}
    assert quantities >= {"arrival", "injection"} if chip in (Chip.lava, Chip.loihi2) else not quantities


def _with_silent_sources(program: Program, weight: float) -> Program:
    """A program whose second hidden layer also reads the first one's spikes of 100 decisions ago."""
    (hidden,) = (item for item in program.connections_into("block1.mlp.hidden") if item.source != "bias")
    assert isinstance(hidden, Dense)
    silent = replace(hidden, weight=np.full((32, 16), weight), delay=hidden.delay + 100 * program.period)
    return replace(program, connections=(*program.connections, silent))


def test_where_a_bound_costs_agreement_arrivals_are_observed() -> None:
    """Synapses that never carry a spike in the recording, and could bring 1,600 thresholds."""
    program = _with_silent_sources(lowered(pssa_policy())[1], 100.0)
    made = choose_scales(program, calibrations(pssa_policy(), program), WeightFormat())
    outside = departures(quantise(program, made, WeightFormat()))
    assert {(item.node, item.quantity, item.evidence) for item in outside} == {
        ("block1.mlp.hidden", "arrival", "bound")
    }


def test_currents_beyond_24_bits_name_the_layer() -> None:
    program = lowered(delay_policy())[1]
    huge = tuple(
        replace(connection, weight=connection.weight.astype(float) * 1e6)
        if isinstance(connection, Dense) and connection.target == "block0.mlp.hidden"
        else connection
        for connection in program.connections
    )
    with pytest.raises(UserError, match=r"block0\.mlp\.hidden adds up currents"):
        choose_scales(replace(program, connections=huge), calibrations(delay_policy(), program), WeightFormat())
