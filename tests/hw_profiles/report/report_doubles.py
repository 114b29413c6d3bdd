"""A report with made-up figures: two chips in both layouts and a convention, a raster, stages, break-even points."""

from __future__ import annotations

from hw_profiles.network import ContextLayout
from hw_profiles.pareto_front import FrontPoint, ParetoFront
from hw_profiles.report.document.activity import LayerRate, Raster, RasterLayer
from hw_profiles.report.document.answers import MEASURED, PRICED, Baseline, LayoutAnswer, ProfileAnswer
from hw_profiles.report.document.arithmetic import ArithmeticAnswer, ReportedArrival
from hw_profiles.report.document.context import (
    Assumption,
    OwnPlace,
    ParetoFrontAnswer,
    ReportedAnchor,
    ReportedBreakEven,
)
from hw_profiles.report.document.costs import Cost, EnergyAccount, LayerCost, PricedCount, ReportedStep, TimeAccount
from hw_profiles.report.document.placement import CorePlace, LayerPlace, OperationPlace, Placement, ReportedResource
from hw_profiles.report.document.ranges import Band, Interval
from hw_profiles.report.document.report import Report
from hw_profiles.report.document.run import ReportedStage, ReportedStages, Task
from hw_profiles.run_record import ProtocolRecord

LAYERS = ("block0.attention.query", "block0.attention.gate", "block0.attention.output", "block0.mlp.hidden")
SOURCE = "Author et al., Venue 2020, table 1"


def made_up_report() -> Report:
    """A whole report."""
    return Report(
        title="pen-e on loihi-fast: what a decision costs",
        task=Task(
            "pen-e",
            "pen-e",
            "loihi-fast",
            (0, 1),
            200,
            12000.0,
            Interval(117.2, 96.5, 137.9),
            Interval(3600, 3000, 4200),
        ),
        protocol=ProtocolRecord(1000.0, True, 10.0, (-0.6, 0.0), (0.6, 3.0), None, ("data.hdf5 holds one episode",)),
        main_profile="chip-a",
        profiles=(
            ProfileAnswer(
                "chip-a",
                "Chip A, simulated energies",
                "chip",
                "A chip with <tags> & signs.",
                (_layout("stream", 1), _layout("window", 20)),
                ArithmeticAnswer(
                    "As far as its arithmetic is known, the program leaves it at 1 of 2 nodes.",
                    21,
                    (
                        ReportedArrival("block0.mlp.hidden", 40_000, 35_123, -0.3, -0.1),
                        ReportedArrival("action", 8_192, None, 2.0, None),
                    ),
                    ("block0.mlp.hidden: arrival 35,123 is above 32,767 (observed)",),
                ),
            ),
            ProfileAnswer("chip-b", "Chip B, as a band", "chip", "Another chip.", (_layout("stream", 3), _refused())),
            ProfileAnswer("paper", "The paper's convention", "convention", "Arithmetic only.", (_convention(),)),
        ),
        baselines=(
            Baseline(
                "fp32-ann",
                "Decision Transformer: fp32",
                "Decision Transformer, fp32-ann",
                PRICED,
                Band(410e6, 410e6, 410e6),
                ("static power",),
            ),
            Baseline(
                "int8-ann",
                "Decision Transformer: int8",
                "Decision Transformer, int8-ann",
                PRICED,
                Band(20.5e6, 18e6, 31e6),
                ("static power",),
            ),
            Baseline(
                "board",
                "this network as an ANN: a board",
                "this network as an ANN, board",
                MEASURED,
                Band(11e6, 8e6, 32e6),
                ("idle between two decisions",),
            ),
        ),
        rates=tuple(
            LayerRate(name, "attention" in name, 0.03 * (n + 1), 20.0 * n, 900.0 * n) for n, name in enumerate(LAYERS)
        ),
        raster=_raster(),
        stages=ReportedStages(
            (
                ReportedStage("float", "the trained model, torch", Interval(117.8, 107.8, 127.8)),
                ReportedStage("fixed point", "the exported program, loihi-fast", Interval(117.9, 107.8, 128.1)),
            ),
            Interval(0.2, -5.1, 5.4),
            None,
        ),
        front=ParetoFrontAnswer(
            made_up_front(),
            "Each point is a policy trained on stand-in data.",
            OwnPlace(Interval(117.2, 96.5, 137.9), 52_000.0, 70e6, 1.9e6),
            "This run scores 117.2 for 70 µJ; no point of the front scores as much for less.",
        ),
        spikes_per_synapse=0.034,
        break_even=(
            ReportedBreakEven(
                "Dampfhoffer 2023", "with the same memory", 0.15, 1.38, 0.034, "spikes a synapse and decision", "below"
            ),
            ReportedBreakEven(
                "Davidson 2021", "on like hardware", 1.72, 1.72, 0.034, "spikes a synapse and decision", "below"
            ),
        ),
        anchors=(ReportedAnchor("Jetson Nano", "optic flow", Band(80e9, 75e9, 86e9), "measured", SOURCE),),
        assumptions=(
            Assumption("chip-a", "energy.synop", Band(23.6, 23.6, 23.6), "pJ", "simulated", SOURCE),
            Assumption("chip-a", "power.static_per_chip", Band(104, 104, 178), "mW", "measured", SOURCE),
            Assumption("paper", "energy.synop", Band(0.9, 0.9, 0.9), "pJ", "inferred", SOURCE),
        ),
        notes=(),
        command="dsf-run --backend loihi-fast env=pen-e episodes=2 --report",
        versions=(("decision-spikeformer", "0.1.0"), ("python", "3.11.7")),
    )


def made_up_front() -> ParetoFront:
    """Three points of pen-e, two seeds each."""
    points = (
        FrontPoint(0.0, 112.0, 3.0, 50_000.0, 65e6, 1.8e6),
        FrontPoint(0.1, 113.5, 2.0, 21_000.0, 64e6, 1.1e6),
        FrontPoint(1.0, 71.0, 6.0, 4_000.0, 63e6, 0.7e6, "T 1"),
    )
    command = "dsf-bench front env=pen-e datasets=DIR seeds=0,1 steps=4000 episodes=50"
    model = "dsformer with pssa, D 64, L 1, K 8, S 8, T 4"
    return ParetoFront("pen-e", "stand-in", "energy_price", "chip-a", model, (0, 1), 4000, 50, command, points)


def _layout(name: ContextLayout, times: int) -> LayoutAnswer:
    return LayoutAnswer(
        name=name,
        verdict=f"One decision takes {times} times what it takes, {times / 4:.2g} times a Decision Transformer's.",
        energy=_account(times),
        time=TimeAccount(
            Band(300.0 * times, 100.0 * times, 1100.0 * times),
            Band(66.0, 23.0, 255.0),
            "barrier",
            tuple(
                ReportedStep(step, Band(16.6 + step % 5, 5.8, 63.0), "barrier" if step % 3 else "synapse loop")
                for step in range(18)
            ),
            ("A step is no shorter than the shortest that was seen.",),
            (),
        ),
        placement=_placement(times),
        refusal=None,
    )


def _refused() -> LayoutAnswer:
    return LayoutAnswer(
        "window",
        "The window layout does not fit this chip.",
        None,
        None,
        None,
        "window: 9,999 neurons a core, the limit is 1,024.",
    )


def _convention() -> LayoutAnswer:
    energy = Band(80e3, 80e3, 80e3)
    line = PricedCount("synaptic operations", None, 90e3, Band(0.9, 0.9, 0.9), energy, "inferred", SOURCE)
    account = EnergyAccount(
        energy,
        (Cost(line.term, energy),),
        (LayerCost("whole network", energy, (Cost(line.term, energy),)),),
        (line,),
        ("memory",),
    )
    return LayoutAnswer("stream", "By the paper's convention a decision takes 80 nJ.", account, None, None, None)


def _account(times: int) -> EnergyAccount:
    lines = [
        _line("synaptic operations", name, 900.0 * (n + 1) * times, 23.6, 23.6, 35.5) for n, name in enumerate(LAYERS)
    ]
    lines += [_line("neuron updates, active", name, 256.0 * times, 81, 52, 81) for name in LAYERS]
    lines += [
        _line("messages to cores", None, 300.0 * times, 111, 60, 140),
        _line("static power", None, 18, 104 * 16.65e3, 104 * 5.8e3, 178 * 63.7e3),
        _line("host power", None, 18, 23.2 * 16.65e3, 0, 407 * 63.7e3),
    ]
    terms = list(dict.fromkeys(line.term for line in lines))
    layers = [
        LayerCost(name, _sum(chosen), tuple(Cost(line.term, line.energy) for line in chosen))
        for name in (*LAYERS, None)
        if (chosen := [line for line in lines if line.layer == name])
        for name in (name or "whole network",)
    ]
    return EnergyAccount(
        _sum(lines),
        tuple(Cost(term, _sum([line for line in lines if line.term == term])) for term in terms),
        tuple(layers),
        tuple(lines),
        ("barrier energy, which was never published",),
    )


def _line(term: str, layer: str | None, count: float, each: float, low: float, high: float) -> PricedCount:
    energy = Band(count * each, count * low, count * high)
    return PricedCount(term, layer, count, Band(each, low, high), energy, "simulated", SOURCE)


def _sum(lines: list[PricedCount]) -> Band:
    return Band(
        sum(line.energy.nominal for line in lines),
        sum(line.energy.low for line in lines),
        sum(line.energy.high for line in lines),
    )


def _placement(times: int) -> Placement:
    cores = 4 * times
    mesh = tuple(
        CorePlace(
            0,
            core % 16,
            core // 16,
            (LAYERS[core % 4],) if core < cores else (),
            64 if core < cores else 0,
            (core % 7) / 7 if core < cores else 0.0,
            "synaptic memory",
            10.0 * (core % 5) if core < cores else 0.0,
        )
        for core in range(128)
    )
    layers = tuple(
        LayerPlace(
            name,
            times,
            64,
            12.5,
            256,
            64,
            (ReportedResource("neurons", 64, 1024, False), ReportedResource("synaptic memory", 9000, 16384, True)),
        )
        for name in LAYERS
    )
    operations = (
        OperationPlace("block0.attention.gate", "k ∧ v", "coincidence", 64, "two inputs, threshold above one"),
    )
    return Placement(cores, 1, 1, 12, layers, mesh, operations)


def _raster() -> Raster:
    sizes = (64, 512, 64, 256)
    firsts = [sum(sizes[:n]) for n in range(len(sizes))]
    rows, steps = [], []
    for n, (first, size) in enumerate(zip(firsts, sizes, strict=True)):
        for neuron in range(0, size, 5 + n):
            rows.append(first + neuron)
            steps.append((2 * n + neuron) % 18)
    layers = tuple(
        RasterLayer(name, "attention" in name, first, size)
        for name, first, size in zip(LAYERS, firsts, sizes, strict=True)
    )
    return Raster(0, 7, 18, layers, tuple(rows), tuple(steps))
