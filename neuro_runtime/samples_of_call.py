"""``dsf-run input=FILE.npz``: a network is given samples, counted, priced, and saved where their classes are known."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.documents import print_document
from dsf_common.errors import UserError
from dsf_common.files import require_named_files, sha256_of
from dsf_common.progress import Progress
from dsf_common.text_table import text_table
from hw_profiles.loader import load_profiles
from hw_profiles.pricing import Priced, check_prices_runs, price
from hw_profiles.report import estimate_text, estimates_document
from hw_profiles.report.page_writer import check_libraries
from hw_profiles.report.write import require_folder, write_report
from neuro_runtime.activity import Activity, mean_counts, mean_layers
from neuro_runtime.backends.checked import CheckedSimulator, compared_by_default, require_two
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.backends.registry import default_backend
from neuro_runtime.chip_network import chip_network
from neuro_runtime.episodes.rollout import Episode, Rollout
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_file import SampleFile, read_samples
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.records.run_folder import run_folder, save_run
from neuro_runtime.records.run_summary import RunSummary, comparison_line
from neuro_runtime.run_options import DEFAULT_PROFILES, RunConfiguration
from neuro_runtime.simulators.by_name import SIMULATORS, open_simulator
from neuro_runtime.simulators.co_simulation import CoSimulationResult
from neuro_runtime.simulators.simulator import Simulator
from neuro_runtime.sources import OPTIONS as SOURCE_OPTIONS
from neuro_runtime.sources import OpenedNetwork, open_network

logger = logging.getLogger(__name__)

TAKEN = ("policy", "input", "out", *SOURCE_OPTIONS)  # options that say something of samples
SHOWN = 20  # samples in the table
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


def carry_out_samples(
    arguments: argparse.Namespace, configuration: RunConfiguration, source_options: Sequence[str], command: str
) -> None:
    """Do what ``dsf-run`` was asked for by ``command``.

    Raises
    ------
    UserError
        The network, the samples, the backend or a profile cannot be used.
    """
    if configuration.policy is None:
        raise UserError("say which network gets the samples: policy=FILE")
    _refuse_what_is_for_policies(arguments, configuration)
    require_named_files([f"input={configuration.input}", *source_options], ("input", "calibration"))
    profiles = load_profiles(arguments.profile or DEFAULT_PROFILES)
    for profile in profiles:
        check_prices_runs(profile)
    report = Path(arguments.report) if arguments.report else None
    if arguments.report is not None:
        check_libraries()
        require_folder(report)
    path = Path(configuration.policy).expanduser()
    opened = open_network(path, source_options)
    program = opened.program
    samples = read_samples(str(configuration.input), program.encoder.shape)
    _require_classes(samples, int(np.prod(program.output_shape)), str(configuration.input))
    for asked, option in ((arguments.report, "--report"), (configuration.out, "out=")):
        if asked is not None and samples.labels is None:
            raise UserError(f"{option} needs the samples' classes: {configuration.input} has no array 'label'")
    backend = default_backend() if arguments.backend is None else arguments.backend
    beside = None if arguments.check is None else arguments.check or compared_by_default(backend)
    timed = program.for_steps(_period(program, samples.samples.shape[1]))
    saved: list[str] = []
    with ExitStack() as held:
        folder: Path | None = None
        if samples.labels is not None:
            folder = held.enter_context(run_folder(program.name, backend, configuration.out))
        results, comparison = _run(timed, backend, beside, samples)
        network = chip_network(timed.for_steps(max(int(results[0].activity.time_steps), 1)))
        counts = mean_counts([result.activity for result in results], by_population=True)
        priced = [price(counts, network, profile) for profile in profiles]
        if folder is not None and samples.labels is not None:
            summary = RunSummary(
                backend=backend,
                rollout=_rollout(program, results, samples.labels),
                priced=priced,
                layout="stream",
                provenance={"policy": str(path), "program_sha256": sha256_of(path), **program.provenance},
                command=command,
                observation_size=program.encoder.features,
                action_size=int(np.prod(program.output_shape)),
                network=network,
                comparison=comparison,
                samples=True,
            )
            save_run(folder, summary)
            saved.append(f"saved {folder}")
    if folder is not None and arguments.report is not None:
        saved.append(f"report {write_report(folder, arguments.profile or (), report).page}")
    if arguments.json:
        print_document(_document(opened, backend, samples, results, priced, comparison))
    else:
        compared = [comparison_line(comparison)] if comparison else []
        print(_text(opened, backend, samples, results, priced), *compared, *saved, sep="\n")


def _refuse_what_is_for_policies(arguments: argparse.Namespace, configuration: RunConfiguration) -> None:
    if configuration.env is not None:
        raise UserError(
            "env= is for policies in closed loop and input= for networks that are given samples: leave one out"
        )
    for key in (pair.partition("=")[0] for pair in arguments.overrides):
        if key not in TAKEN:
            raise UserError(f"{key}= is for policies in closed loop, not for input=: leave it out")
    if arguments.video is not None:
        raise UserError("--video is for policies in closed loop, not for input=")


def _require_classes(samples: SampleFile, outputs: int, path: str) -> None:
    if samples.labels is None:
        return
    for n, label in enumerate(samples.labels.tolist()):
        if not 0 <= label < outputs:
            raise UserError(
                f"{path}: the label of sample {n} is {label}, and the network's classes are 0 to {outputs - 1}"
            )


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


def _rollout(program: SampleProgram, results: Sequence[SampleResult], labels: NDArray[np.int64]) -> Rollout:
    """The samples as episodes of one decision, whose return is 1 for the right class; a report is made of these."""
    return Rollout(
        program.name,
        0.0,
        tuple(
            Episode(
                seed=n,
                score=100.0 * (result.chosen == label),
                actions=result.total[None],
                rewards=np.array([float(result.chosen == label)]),
                seconds=np.array([result.seconds]),
                activities=(result.activity,),
            )
            for n, (result, label) in enumerate(zip(results, labels.tolist(), strict=True))
        ),
    )


def _accuracy(results: Sequence[SampleResult], labels: NDArray[np.int64]) -> float:
    return float(np.mean([result.chosen == label for result, label in zip(results, labels.tolist(), strict=True)]))


def _text(
    opened: OpenedNetwork,
    backend: str,
    samples: SampleFile,
    results: Sequence[SampleResult],
    priced: Sequence[Priced],
) -> str:
    program = opened.program
    count, steps = samples.samples.shape[:2]
    parts = ["\n".join(opened.conversion)] if opened.conversion else []
    parts += [
        f"{program.name} on {backend}: {count} samples of {steps} time steps, class = the output that sums up to most",
        _table(samples, results),
    ]
    if samples.labels is not None:
        parts.append(f"accuracy {_accuracy(results, samples.labels):.2%} of {count} samples")
    layers = mean_layers([result.activity for result in results])
    rows = [
        (
            layer.name,
            "" if layer.firing_rate is None else f"{layer.firing_rate:.4f}",
            f"{layer.spikes:,.1f}",
            f"{layer.synops:,.0f}",
        )
        for layer in layers
    ]
    parts.append(text_table([("layer", "firing rate", "spikes/sample", "synops/sample"), *rows]))
    parts += [
        f"{each.profile.title} [{each.profile.name}]: unknown\n  {each.refusal}"
        if each.energy is None
        else estimate_text(each.energy).replace("a decision", "a sample")
        for each in priced
    ]
    return "\n\n".join(parts)


def _table(samples: SampleFile, results: Sequence[SampleResult]) -> str:
    header = (
        "sample",
        "class",
        *(("label",) if samples.labels is not None else ()),
        "output",
        "spikes",
        "synops",
        "ms",
    )
    rows = []
    for n, result in enumerate(results[:SHOWN]):
        label = () if samples.labels is None else (str(samples.labels[n]),)
        most = f"{result.total[result.chosen]:g}"
        spikes, synops = sum(result.activity.spikes.values()), sum(result.activity.synops.values())
        rows.append(
            (str(n), str(result.chosen), *label, most, f"{spikes:,}", f"{synops:,}", f"{1000 * result.seconds:.3g}")
        )
    more = f"\n… and {len(results) - SHOWN} more" if len(results) > SHOWN else ""
    return text_table([header, *rows]) + more


def _document(
    opened: OpenedNetwork,
    backend: str,
    samples: SampleFile,
    results: Sequence[SampleResult],
    priced: Sequence[Priced],
    comparison: CoSimulationResult | None,
) -> dict[str, Any]:
    labels = samples.labels
    return {
        "network": opened.program.name,
        "backend": backend,
        "provenance": dict(opened.program.provenance),
        "conversion": list(opened.conversion),
        "classes": [result.chosen for result in results],
        "outputs": [result.total.tolist() for result in results],
        "labels": None if labels is None else labels.tolist(),
        "accuracy": None if labels is None else _accuracy(results, labels),
        "spikes": [sum(result.activity.spikes.values()) for result in results],
        "synops": [sum(result.activity.synops.values()) for result in results],
        "comparison": None if comparison is None else asdict(comparison),
        "energy": estimates_document([each.energy for each in priced if each.energy is not None]),
    }
