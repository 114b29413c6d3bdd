"""A program under construction: depths, delays and the period follow from its connections."""

from __future__ import annotations

import pytest
import torch

from dsf_export.folding import Affine
from dsf_export.program_graph import ProgramGraph
from neuro_runtime.program.nodes import Connection, Dense

SIZE, TIME_STEPS, BETA, IDLE = 2, 4, 0.25, 12  # time steps in which a membrane at full scale is gone
IDENTITY = torch.eye(SIZE).double()


def graph_of(*sources: str) -> ProgramGraph:
    """``shallow`` reads the token, ``deep`` reads ``shallow``, and ``join`` the layers that are named."""
    graph = ProgramGraph(SIZE, BETA, TIME_STEPS)
    graph.inject(graph.add_lif("shallow", SIZE))
    graph.add_layer("deep", ["shallow"], Affine(IDENTITY, torch.zeros(SIZE).double()))
    graph.add_lif("join", SIZE)
    for source in sources:
        graph.connect(source, "join", IDENTITY)
    return graph


def delays(graph: ProgramGraph, target: str) -> dict[str, int]:
    """The delays of the dense connections into ``target``, by source."""
    into: list[Connection] = [item for item in graph.connections() if item.target == target]
    return {item.source: item.delay for item in into if isinstance(item, Dense)}


@pytest.mark.parametrize("sources", [("shallow", "deep"), ("deep", "shallow")])
def test_a_layer_waits_for_its_deepest_source_in_whatever_order(sources: tuple[str, ...]) -> None:
    graph = graph_of(*sources)
    graph.connect("join", graph.add_accumulator(SIZE), IDENTITY)
    depths = graph.depths()
    assert [depths[name] for name in ("shallow", "deep", "join", "action")] == [0, 1, 2, 3]
    assert delays(graph, "join") == {"deep": 0, "shallow": 1}
    assert delays(graph, "deep") == {"bias": 0, "shallow": 0}


def test_past_decisions_are_periods_away_and_the_accumulator_waits_for_nothing() -> None:
    graph = graph_of("deep")
    graph.connect("shallow", "join", IDENTITY, ago=2)
    accumulator = graph.add_accumulator(SIZE)
    for source in ("shallow", "join"):
        graph.connect(source, accumulator, IDENTITY)
    assert graph.period == TIME_STEPS + IDLE
    assert delays(graph, "join") == {"deep": 0, "shallow": 1 + 2 * graph.period}
    assert delays(graph, accumulator) == {"shallow": 0, "join": 0}


def test_a_deep_program_takes_as_long_as_its_answer() -> None:
    graph = graph_of("deep")
    last = "join"
    for n in range(IDLE):
        last = graph.add_layer(f"hop{n}", [last], Affine(IDENTITY, torch.zeros(SIZE).double()))
    graph.connect(last, graph.add_accumulator(SIZE), IDENTITY)
    assert graph.period == TIME_STEPS + 2 + IDLE + 1


def test_a_fan_out_counts_synapses_whatever_they_weigh() -> None:
    graph = graph_of("deep")
    graph.connect("deep", "join", torch.zeros(SIZE, SIZE).double(), ago=1)
    assert graph.fan_out("deep") == 2 * SIZE
    assert graph.fan_out("shallow") == SIZE
