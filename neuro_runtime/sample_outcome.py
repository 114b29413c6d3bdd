"""The outcome of samples that a network was given: counted, priced, and beside another simulator compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.progress import Progress
from hw_profiles.network import ChipNetwork
from hw_profiles.pricing import Priced, price
from hw_profiles.profile import Profile
from neuro_runtime.activity import Activity, mean_counts
from neuro_runtime.backends.checked import CheckedSimulator, require_two
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_file import SampleFile
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.by_name import SIMULATORS, open_simulator
from neuro_runtime.simulators.co_simulation import CoSimulationResult
from neuro_runtime.simulators.simulator import Simulator

MOST_NEURON_STEPS = 50_000_000  # that a simulator records at once; longer samples run in parts


@dataclass(frozen=True, eq=False)
class SampleResult:
    """One sample's outcome.

    Attributes
    ----------
    total
        The output, summed over time.
    """

    total: NDArray[np.float64]
    activity: Activity
    seconds: float

    @property
    def chosen(self) -> int:
        """The class: the output that sums up to most, the first of several."""
        return int(self.total.argmax())


@dataclass(frozen=True, eq=False)
class SampleOutcome:
    """All samples' outcomes.

    Attributes
    ----------
    network
        What a chip holds, run for as long as a sample.
    priced
        A sample's mean activity by each profile.
    comparison
        With the simulator beside, where there was one.
    """

    results: Sequence[SampleResult]
    network: ChipNetwork
    priced: Sequence[Priced]
    comparison: CoSimulationResult | None

    def accuracy(self, labels: NDArray[np.int64]) -> float:
        """The share of samples whose class is right."""
        return float(np.mean([result.chosen == label for result, label in zip(self.results, labels, strict=True)]))


def outcome_of(
    program: SampleProgram, backend: str, beside: str | None, samples: SampleFile, profiles: Sequence[Profile]
) -> SampleOutcome:
    """Give a program its samples, count what they cause and price it.

    Parameters
    ----------
    beside
        The simulator that runs beside the backend, where one does.

    Raises
    ------
    UserError
        The backend runs no samples.
    GateFailed
        The two simulators differ.
    """
    timed = program.for_steps(_period(program, samples.samples.shape[1]))
    results, comparison = _run(timed, backend, beside, samples)
    network = chip_network(timed.for_steps(max(int(results[0].activity.time_steps), 1)))
    counts = mean_counts([result.activity for result in results], by_population=True)
    return SampleOutcome(results, network, [price(counts, network, profile) for profile in profiles], comparison)


def _period(program: SampleProgram, steps: int) -> int:
    """Time steps that a simulator runs at once."""
    neurons = sum(node.size for node in program.nodes)
    return max(min(steps + program.latency, MOST_NEURON_STEPS // neurons), 1)


def _run(
    program: SampleProgram, backend: str, beside: str | None, samples: SampleFile
) -> tuple[list[SampleResult], CoSimulationResult | None]:
    meter = ProgramMeter(program)
    results = []
    with ExitStack() as opened, Progress(len(samples.samples), program.name, "sample") as bar:
        simulator = _open(program, backend, beside, opened)
        for sample in samples.samples:
            begun = time.perf_counter()
            run = run_sample(program, simulator, sample)
            seconds = time.perf_counter() - begun
            activity = meter.activity(run.spikes)
            periods = run.time_steps // program.period
            results.append(SampleResult(run.output.sum(axis=0).reshape(-1), _whole(activity, periods), seconds))
            bar.update()
    return results, simulator.result if isinstance(simulator, CheckedSimulator) else None


def _whole(activity: Activity, periods: int) -> Activity:
    """A sample's activity from that of one of its periods, whose spikes are already all of them."""
    return activity._replace(
        neuron_steps={name: steps * periods for name, steps in activity.neuron_steps.items()},
        time_steps=activity.time_steps * periods,
        host_macs=activity.host_macs * periods,
    )


def _open(program: SampleProgram, backend: str, beside: str | None, opened: ExitStack) -> Simulator:
    if beside is not None:
        require_two(backend, beside)
        return CheckedSimulator(program, backend, beside, opened)
    if backend not in SIMULATORS:
        raise UserError(f"--backend {backend} runs policies; samples run on {', '.join(SIMULATORS)}")
    reads_membranes = any(output.quantity == "membrane" for output in program.outputs)
    return open_simulator(backend, program, opened, record_states=reads_membranes)
