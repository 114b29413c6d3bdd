"""``dsf-run input=FILE.npz``: a network is given samples, counted, priced, and saved where their classes are known."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.documents import print_document
from dsf_common.errors import UserError
from dsf_common.files import require_named_files, sha256_of
from dsf_common.text_table import text_table
from hw_profiles.loader import load_profiles
from hw_profiles.pricing import check_prices_runs
from hw_profiles.profile import Profile
from hw_profiles.report import estimate_text, estimates_document
from hw_profiles.report.write import folder_of_report, write_report
from neuro_runtime.activity import mean_layers
from neuro_runtime.backends.checked import compared_by_default
from neuro_runtime.backends.registry import default_backend
from neuro_runtime.episodes.rollout import Episode, Rollout
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_file import SampleFile, read_samples
from neuro_runtime.records.run_folder import run_folder, save_run
from neuro_runtime.records.run_summary import RunSummary, comparison_line
from neuro_runtime.run_options import DEFAULT_PROFILES, RunConfiguration
from neuro_runtime.sample_outcome import SampleOutcome, SampleResult, outcome_of
from neuro_runtime.sources import OPTIONS as SOURCE_OPTIONS
from neuro_runtime.sources import OpenedNetwork, open_network

TAKEN = ("policy", "input", "out", *SOURCE_OPTIONS)  # options that say something of samples
SHOWN = 20  # samples in the table


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
    profiles, report = _profiles(arguments), folder_of_report(arguments.report)
    path = Path(configuration.policy).expanduser()
    opened = open_network(path, source_options)
    samples = _samples(arguments, configuration, opened.program)
    backend = default_backend() if arguments.backend is None else arguments.backend
    beside = None if arguments.check is None else arguments.check or compared_by_default(backend)
    folder, labels = None, samples.labels
    with ExitStack() as held:
        if labels is not None:
            folder = held.enter_context(run_folder(opened.program.name, backend, configuration.out))
        outcome = outcome_of(opened.program, backend, beside, samples, profiles)
        if folder is not None and labels is not None:
            save_run(folder, _summary(opened.program, path, backend, outcome, labels, command))
    saved = _saved_lines(arguments, folder, report)
    if arguments.json:
        print_document(_document(opened, backend, labels, outcome))
    else:
        compared = [comparison_line(outcome.comparison)] if outcome.comparison else []
        print(_text(opened, backend, samples, outcome), *compared, *saved, sep="\n")


def _profiles(arguments: argparse.Namespace) -> list[Profile]:
    profiles = load_profiles(arguments.profile or DEFAULT_PROFILES)
    for profile in profiles:
        check_prices_runs(profile)
    return profiles


def _samples(arguments: argparse.Namespace, configuration: RunConfiguration, program: SampleProgram) -> SampleFile:
    """The samples, with classes that the network has, and with all that is asked to be made of them."""
    path = str(configuration.input)
    samples = read_samples(path, program.encoder.shape)
    _require_classes(samples, int(np.prod(program.output_shape)), path)
    for asked, option in ((arguments.report, "--report"), (configuration.out, "out=")):
        if asked is not None and samples.labels is None:
            raise UserError(f"{option} needs the samples' classes: {path} has no array 'label'")
    return samples


def _summary(
    program: SampleProgram,
    path: Path,
    backend: str,
    outcome: SampleOutcome,
    labels: NDArray[np.int64],
    command: str,
) -> RunSummary:
    """The run that a report is made of."""
    return RunSummary(
        backend=backend,
        rollout=_rollout(program, outcome.results, labels),
        priced=outcome.priced,
        layout="stream",
        provenance={"policy": str(path), "program_sha256": sha256_of(path), **program.provenance},
        command=command,
        observation_size=program.encoder.features,
        action_size=int(np.prod(program.output_shape)),
        network=outcome.network,
        comparison=outcome.comparison,
        samples=True,
    )


def _saved_lines(arguments: argparse.Namespace, folder: Path | None, report: Path | None) -> list[str]:
    """The lines that say where the run and its report are."""
    if folder is None:
        return []
    lines = [f"saved {folder}"]
    if arguments.report is not None:
        lines.append(f"report {write_report(folder, arguments.profile or (), report).page}")
    return lines


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


def _text(opened: OpenedNetwork, backend: str, samples: SampleFile, outcome: SampleOutcome) -> str:
    count, steps = samples.samples.shape[:2]
    name = opened.program.name
    parts = ["\n".join(opened.conversion)] if opened.conversion else []
    parts += [
        f"{name} on {backend}: {count} samples of {steps} time steps, class = the output that sums up to most",
        _table(samples, outcome.results),
    ]
    if samples.labels is not None:
        parts.append(f"accuracy {outcome.accuracy(samples.labels):.2%} of {count} samples")
    parts.append(_layer_table(outcome.results))
    parts += [
        f"{each.profile.title} [{each.profile.name}]: unknown\n  {each.refusal}"
        if each.energy is None
        else estimate_text(each.energy).replace("a decision", "a sample")
        for each in outcome.priced
    ]
    return "\n\n".join(parts)


def _layer_table(results: Sequence[SampleResult]) -> str:
    rows = [
        (
            layer.name,
            "" if layer.firing_rate is None else f"{layer.firing_rate:.4f}",
            f"{layer.spikes:,.1f}",
            f"{layer.synops:,.0f}",
        )
        for layer in mean_layers([result.activity for result in results])
    ]
    return text_table([("layer", "firing rate", "spikes/sample", "synops/sample"), *rows])


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
    opened: OpenedNetwork, backend: str, labels: NDArray[np.int64] | None, outcome: SampleOutcome
) -> dict[str, Any]:
    results, comparison = outcome.results, outcome.comparison
    return {
        "network": opened.program.name,
        "backend": backend,
        "provenance": dict(opened.program.provenance),
        "conversion": list(opened.conversion),
        "classes": [result.chosen for result in results],
        "outputs": [result.total.tolist() for result in results],
        "labels": None if labels is None else labels.tolist(),
        "accuracy": None if labels is None else outcome.accuracy(labels),
        "spikes": [sum(result.activity.spikes.values()) for result in results],
        "synops": [sum(result.activity.synops.values()) for result in results],
        "comparison": None if comparison is None else asdict(comparison),
        "energy": estimates_document([each.energy for each in outcome.priced if each.energy is not None]),
    }
