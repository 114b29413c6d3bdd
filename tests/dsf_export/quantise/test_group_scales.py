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
from neuro_runtime.program.nodes import Dense, Lif
from neuro_runtime.program.weight_format import WeightFormat
from support.small_policies import calibrations, delay_policy, lowered, pssa_policy, scales

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
