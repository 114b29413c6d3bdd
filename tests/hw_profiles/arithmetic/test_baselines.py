"""The policy's network as an ANN, worked by hand, and what decisions of ANNs cost."""

from __future__ import annotations

import numpy as np
import pytest

from dsf_common.errors import UserError
from hw_profiles.activity import ActivityCounts, PopulationCounts
from hw_profiles.arithmetic.baselines import ann_estimate, baseline_estimates
from hw_profiles.arithmetic.lemaire import FullyConnectedLayer, layer_energy, spiking_counts
from hw_profiles.arithmetic.mac_counts import MacCounts
from hw_profiles.arithmetic.measured_ann import measured_ann_estimate
from hw_profiles.arithmetic.memory_estimate import memory_estimate
from hw_profiles.arithmetic.network_as_ann import network_as_ann_macs
from hw_profiles.figure import Grade
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.network import ChipNetwork, NeuronParameters, Population, Projection, Role, SynapseFormat, SynapseList
from neuro_runtime.chip_network import chip_network
from neuro_runtime.policy_files import PRETRAINED
from neuro_runtime.program import load_program

PERIOD = 10


def population(name: str, size: int, role: Role, depth: int) -> Population:
    return Population(name, size, role, depth, NeuronParameters(4095, 0, 1), name)


def projection(source: str, target: str, pairs: list[tuple[int, int, int]], formats: int = 1) -> Projection:
    """Synapses (source neuron, target neuron, delay), each in so many formats."""
    columns = np.array([pair for pair in pairs for _ in range(formats)], np.int32).reshape(-1, 3)
    numbers = np.array([number for _ in pairs for number in range(formats)], np.int32)
    kinds = tuple(SynapseFormat(8, exponent) for exponent in range(formats))
    return Projection(source, target, SynapseList(columns[:, 0], columns[:, 1], columns[:, 2], numbers, kinds))


def dense(source: str, sources: int, target: str, targets: int, delay: int = 0, formats: int = 1) -> Projection:
    return projection(source, target, [(i, j, delay) for i in range(sources) for j in range(targets)], formats)


def network(*projections: Projection) -> ChipNetwork:
    """Input (2) -> query (3) and past; a gate of products; two residual readers and the action."""
    return ChipNetwork(
        name="small",
        layout="stream",
        active_steps=4,
        period=PERIOD,
        populations=(
            population("bias", 1, Role.bias, 0),
            population("input", 2, Role.lif, 0),
            population("query", 3, Role.lif, 1),
            population("gate", 3, Role.coincidence, 2),
            population("output", 3, Role.lif, 3),
            population("first", 2, Role.lif, 4),
            population("second", 2, Role.lif, 6),
            population("action", 1, Role.accumulator, 7),
        ),
        projections=projections,
        host_currents=(),
        host_macs=7,
    )


def test_every_matrix_counts_once_worked_by_hand() -> None:
    """2·3 of the input, 3 gates, 3 of the gates' outputs, 3·2 of the residual matrix once, 2·1 of the head, 7 host."""
    counts = network_as_ann_macs(
        network(
            dense("bias", 1, "query", 3),
            dense("input", 2, "query", 3, formats=2),  # two exponents a weight: stored twice, multiplied once
            projection("query", "gate", [(0, 0, 0), (1, 1, 0), (2, 2, 0)]),
            projection("query", "gate", [(0, 0, PERIOD), (1, 1, PERIOD), (2, 2, 2 * PERIOD)]),  # earlier tokens
            projection("gate", "output", [(0, 0, 0), (1, 1, 0), (2, 2, 0)]),
            dense("output", 3, "first", 2),
            dense("output", 3, "second", 2, delay=2),  # the same matrix for a later reader
            dense("second", 2, "action", 1),
        )
    )
    assert counts == MacCounts(
        total=6 + 3 + 3 + 6 + 2 + 7, attention=3 + 3, weights_read=6 + 3 + 6 + 2 + 7, state_read=3, state_written=3
    )


def test_synapses_with_a_past_mix_tokens() -> None:
    """Two taps of a delayed matrix, now and a token ago: 2·3 weights each; 2 values kept."""
    taps = [(i, j, delay) for i in range(2) for j in range(3) for delay in (0, PERIOD)]
    counts = network_as_ann_macs(network(projection("input", "query", taps)))
    assert (counts.total, counts.attention) == (12 + 3 + 7, 6 + 3)
    assert (counts.state_read, counts.state_written) == (2, 2)


def test_an_anns_energy_by_hand() -> None:
    """100 MACs at 4.6 pJ; 40 weights of 32 bits are 20 accesses of 64, at 100 pJ (10 to 2600); 6 values kept are 3."""
    counts = MacCounts(total=100, attention=0, weights_read=40, state_read=4, state_written=2)
    estimate = ann_estimate("a network", counts, load_profile("cmos45-fp32-ann"))
    assert [line.count for line in estimate.lines] == [100, 20, 3]
    assert estimate.total_pj == pytest.approx(460 + 2000 + 300)
    assert estimate.band_pj == pytest.approx((460 + 230, 460 + 23 * 2600))


def test_int8_weights_take_a_quarter_of_the_accesses() -> None:
    counts = MacCounts(total=100, attention=0, weights_read=40)
    estimate = ann_estimate("a network", counts, load_profile("cmos45-int8-ann"))
    assert [line.count for line in estimate.lines] == [100, 5]
    assert estimate.total_pj == pytest.approx(100 * 0.23 + 5 * 100)


def test_baselines_are_three_networks_by_every_processor_with_a_price_and_one_by_every_device() -> None:
    shipped = [load_profile(name) for name in profile_names()]
    small = network(dense("input", 2, "query", 3))
    estimates = baseline_estimates((45, 24), small, shipped)
    devices = ["gap9", "stm32h7a3", "stm32l4r5", "stm32u385", "xg24"]
    assert [estimate.profile for estimate in estimates] == [
        *["cmos45-fp32-ann"] * 3,
        *["cmos45-int8-ann"] * 3,
        *(f"{device}-measured" for device in devices),
    ]
    recomputed, cached, same = estimates[:3]
    assert recomputed.total_pj > cached.total_pj > same.total_pj
    assert "recomputed" in recomputed.title
    assert "cached" in cached.title


def test_a_measured_total_is_scaled_by_hand() -> None:
    """31.8 µJ for 264,192 MACs are 120.4 pJ each, 245 µJ for 2,656,768 are 92.2; at most all 31.8 µJ are fixed."""
    estimate = measured_ann_estimate("a network", MacCounts(88_000, 0, 88_000), load_profile("stm32u385-measured"))
    assert estimate.total_pj == pytest.approx(88_000 * 31.8e6 / 264_192)
    assert estimate.band_pj == pytest.approx((88_000 * 245e6 / 2_656_768, 31.8e6))
    assert [line.grade for line in estimate.lines] == [Grade.inferred]


def test_a_network_larger_than_the_measured_ones_takes_their_dearest_rate_at_most() -> None:
    estimate = measured_ann_estimate("a network", MacCounts(1_000_000, 0, 0), load_profile("stm32u385-measured"))
    assert estimate.band_pj[1] == pytest.approx(estimate.total_pj)


COUNTED = ActivityCounts(
    synops=10,
    active_updates=8,
    spikes=3,
    host_macs=7,
    by_population={"query": PopulationCounts(spikes=3, active_updates=8, idle_updates=32)},
    synops_by_target={"query": 10},
)


def test_a_run_by_lemaires_account_is_his_layer_with_the_counted_synops() -> None:
    """3 neurons, 6 synapses, 10 synaptic operations, 8 updates, 3 spikes that nobody reads: by hand."""
    memory = load_profile("cmos45-memory")
    estimate = memory_estimate(COUNTED, memory, network(dense("input", 2, "query", 3)))
    weight, potential = 13.2 + 1.09e-5 * 32 * 6, 13.2 + 1.09e-5 * 32 * 3
    by_hand = 8 * 3.2 + (10 + 3) * 0.1 + 10 * 0.1 + 10 * weight + 2 * (10 + 8) * potential + 3 * potential + 7 * 3.2
    assert estimate.total_pj == pytest.approx(by_hand, rel=1e-9)
    assert {line.layer for line in estimate.lines} == {"query", None}


def test_a_run_and_a_layer_of_the_same_counts_cost_the_same() -> None:
    """Lemaire's layer, less its separate biases: 5 spikes into 2 neurons of 4 steps are 10 operations and 8 updates."""
    memory = load_profile("cmos45-memory")
    small = network(dense("input", 2, "first", 2), dense("first", 2, "action", 1))
    activity = ActivityCounts(
        by_population={"first": PopulationCounts(spikes=3, active_updates=8, idle_updates=0)},
        synops_by_target={"first": 10},
    )
    layer = FullyConnectedLayer(inputs=2, outputs=2, steps=4, spikes_in=5, spikes_out=3)
    counts = spiking_counts(layer)
    lemaire = layer_energy(counts, 2, 2, memory).total
    access = 13.2 + 1.09e-5 * 32 * 2
    biases = counts.read_biases * (access + 0.1)
    # His layer reads its inputs; a run's layer has its own spikes read by the one population they reach.
    inputs, own = counts.read_inputs * access, 3 * access
    assert memory_estimate(activity, memory, small).total_pj == pytest.approx(lemaire - biases - inputs + own, rel=1e-9)


@pytest.mark.parametrize(
    ("activity", "profile", "message"),
    [
        (ActivityCounts(synops=1), "cmos45-memory", "needs counts by population"),
        (COUNTED, "cmos45-int8", "cmos45-int8 has no energy.accumulate|says nothing of memory"),
        (
            ActivityCounts(by_population={"q": PopulationCounts(1, 1, 1)}, synops_by_target={"q": 1}),
            "cmos45-memory",
            "counted q, which is no population of small",
        ),
    ],
)
def test_what_cannot_be_priced_is_said_in_one_sentence(activity: ActivityCounts, profile: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        memory_estimate(activity, load_profile(profile), network(dense("input", 2, "query", 3)))


def test_a_shipped_policy_has_the_macs_of_its_dimensions() -> None:
    """relocate-e, whose program has all neurons: D 128, L 1, S 8, 30 actions, exact.

    The last feed-forward matrix is folded with the head, so not 4D².
    """
    D, L, S, actions = 128, 1, 8, 30
    program = load_program(PRETRAINED / "relocate-e" / "program.dsf.h5")
    matrices = L * (3 + 1 + 4) * D**2 + (L - 1) * 4 * D**2 + actions * L * (D + 4 * D)
    products = L * (D + S * D)  # k ∧ v, and q ∧ each of the S
    host = D * 70 + actions * D  # the encoder of 39 observations, 30 actions and the return-to-go; the readout
    counts = network_as_ann_macs(chip_network(program))
    assert counts.total - counts.weights_read == products
    assert counts.attention == products + L * S * D
    assert counts.total == matrices + products + L * S * D + host
    assert counts.state_read == L * (S - 1) * D
