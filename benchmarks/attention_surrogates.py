"""Does an attention learn? Token mixings trained with each surrogate gradient, and what is left without the past.

    python -m benchmarks.attention_surrogates [env=t-maze-30] [models=pssa,tssa,sssa,delay-matrix]
        [surrogates=published,rectangle,triangle,arctangent] [thresholds=0.5] [seeds=0,1,2] [steps=500] [episodes=100]
        [profile=loihi1-measured] [dataset=FILE] [rows=attention-surrogates.jsonl] [output=runs] [threads=1]

Every combination is trained by the environment's recipe, ``steps`` long, and measured: the score; the score without the
past (in a T-maze of N steps the last N tokens, so that the cue alone is cut; elsewhere the present token); the score
with the mixing's spikes silenced; how often the mixing's output fires, and all neurons; the synops a decision of the
exported program, where there is one, and with the first of ``seeds`` its *estimated* energy by ``profile``. A model is
a token mixing or ``spiking-mlp``, which has none; options of its own follow colons: ``tssa:heads=32:score_limit=1``.

A measured combination is a line of ``rows``, and not repeated. At the end the table of all lines is printed.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from dsf_common.comma_lists import names_of, numbers_of, whole_numbers_of
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.statistics import estimate_mean
from dsf_common.text_table import NOTHING, percent, text_table
from dsf_export.network_export import has_program
from dsf_export.program_events import program_events
from dsf_models.checkpoint import PolicyModel, load_model_file
from dsf_models.configuration import ModelKind
from dsf_models.policy_network import Spikes
from dsf_train.configuration import TrainConfig
from dsf_train.datasets import open_dataset
from dsf_train.evaluation import EVALUATION_SEED, evaluate
from dsf_train.run_options import training_config
from dsf_train.sampling import Batch, TokenWindows
from dsf_train.trainer import train
from neuro_runtime.activity import mean_counts
from neuro_runtime.backends.loihi_fast import LoihiFastBackend
from neuro_runtime.environments import load_environment_spec
from support.attention import past_that_is_cut, silence
from support.exported import energy_of, exported
from support.rollouts import rollout_in_lanes

WINDOWS, BATCHES = 256, 4  # that rates and synops are meaned over
LEAST_SEEDS = 3  # for an interval of their scores
COMBINED = ("env", "model", "surrogate", "V_th", "steps")
MEASURED = ("seeds", "mean score", "past cut", "silenced", "output fires", "all fire", "synops", "µJ", "training")
PICOJOULES_A_MICROJOULE = 1e6
EXPORTED, RUN = 20, 10  # decisions that scales are chosen on, and episodes that energy is meaned over


@dataclass
class Options:
    """The tasks, mixings and surrogates to cross with one another."""

    env: str = "t-maze-30"
    models: str = "pssa,tssa,sssa,delay-matrix"
    surrogates: str = "published,rectangle,triangle,arctangent"
    thresholds: str = "0.5"
    seeds: str = "0,1,2"
    steps: int = 500
    episodes: int = 100
    profile: str = "loihi1-measured"
    dataset: str | None = None  # where the task's own is not in its place
    rows: str = "attention-surrogates.jsonl"
    output: str = "runs"
    threads: int = 1


@dataclass(frozen=True)
class Combination:
    """The network and the surrogate that a row trains."""

    env: str
    model: str
    surrogate: str
    threshold: float
    steps: int
    seed: int


@dataclass(frozen=True)
class Measured:
    """The outcome of a training; scores are means over episodes, rates and synops means over the dataset."""

    episodes: int
    score: float
    past_cut: float | None
    silenced: float | None
    output_rate: float | None  # of the mixing's output, spikes a neuron and time step
    rate: float  # of all neurons
    synops: float | None  # a decision
    seconds: float  # of training
    energy: float | None = None  # microjoules a decision of the exported program; None where it was not asked for


def main(argv: list[str]) -> int:
    """Train and measure what is missing, and print the table."""
    options = compose(Options, argv)
    rows = _read(Path(options.rows))
    missing = [combination for combination in _combinations(options) if combination not in rows]
    configs = [_config(combination, options) for combination in missing]  # a wrong one costs no training
    for combination, config in zip(missing, configs, strict=True):
        rows[combination] = _measured(config, options)
        with Path(options.rows).open("a") as file:
            print(json.dumps(asdict(combination) | asdict(rows[combination])), file=file)
    print(_table(rows))
    return 0


def _combinations(options: Options) -> Iterator[Combination]:
    """The first seed of all comes first, so that the table fills evenly."""
    models, surrogates = names_of("models", options.models), names_of("surrogates", options.surrogates)
    thresholds = numbers_of("thresholds", options.thresholds, "0.4,0.5")
    for seed, model, surrogate, threshold in itertools.product(_seeds(options), models, surrogates, thresholds):
        yield Combination(options.env, model, surrogate, threshold, options.steps, seed)


def _seeds(options: Options) -> tuple[int, ...]:
    return whole_numbers_of("seeds", options.seeds, "0,1,2")


def _read(path: Path) -> dict[Combination, Measured]:
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    names = Combination.__dataclass_fields__
    return {Combination(**{name: line.pop(name) for name in names}): Measured(**line) for line in lines}


def _measured(config: TrainConfig, options: Options) -> Measured:
    folder = Path(config.output) / config.env / config.name
    begun = time.perf_counter()
    file = train(config, resume=(folder / "config.yaml").exists()).model_file
    seconds = time.perf_counter() - begun
    policy = load_model_file(file)
    policy.model.eval()
    spec = load_environment_spec(config.env)

    def score(past: int | None = None) -> float:
        return evaluate(policy, spec, spec.return_targets[0], options.episodes, past=past).mean

    output_rate, rate, synops = _activity(policy, config)
    energy = _energy(policy, file, options) if config.seed == _seeds(options)[0] else None
    whole, cut, silenced = score(), None, None
    if policy.model.config.kind is not ModelKind.spiking_mlp:
        cut = score(past=past_that_is_cut(spec))
        silence(policy)
        silenced = score()
    return Measured(options.episodes, whole, cut, silenced, output_rate, rate, synops, seconds, energy)


def _energy(policy: PolicyModel, file: Path, options: Options) -> float | None:
    """Microjoules a decision of the policy's program; None where it has none."""
    if not has_program(policy.model.config):
        return None
    program = exported(policy, file, EXPORTED)
    activities = rollout_in_lanes(LoihiFastBackend(program), policy.environment, RUN, EVALUATION_SEED).activities
    energy = energy_of(program, mean_counts(activities, by_population=True), options.profile)
    return energy.total_pj / PICOJOULES_A_MICROJOULE if energy else None


def _config(combination: Combination, options: Options) -> TrainConfig:
    model, *own = combination.model.split(":")
    mlp = model == ModelKind.spiking_mlp.value
    return training_config(
        [
            f"env={combination.env}",
            f"model.kind={model}" if mlp else f"model.mixing={model}",
            *(f"model.{pair}" for pair in own),
            f"model.surrogate={combination.surrogate}",
            f"model.threshold={combination.threshold}",
            "model.streaming=false",  # some mixings can't
            f"seed={combination.seed}",
            f"steps={combination.steps}",
            "evaluate_every=0",
            "final_episodes=2",  # scores come after it
            f"output={options.output}",
            f"threads={options.threads}",
            *((f"dataset={options.dataset}",) if options.dataset else ()),
            f"name={'-'.join(str(value) for value in asdict(combination).values()).replace(':', '-')}",
        ]
    )


def _activity(policy: PolicyModel, config: TrainConfig) -> tuple[float | None, float, float | None]:
    """Rates of the mixings' outputs and of all neurons, and synops a decision, over windows of the dataset."""
    events, outputs, rates, synops = program_events(policy.model), [], [], []
    for batch in _batches(policy, config):
        spikes: Spikes = {}
        with torch.no_grad():
            policy.model(batch.states, batch.previous_actions, batch.returns_to_go, batch.mask, spikes, batch.steps)
        outputs += [float(layer.mean()) for name, layer in spikes.items() if name.endswith("attention.output")]
        rates.append(float(torch.cat([layer.flatten() for layer in spikes.values()]).mean()))
        synops += [float(events.count(spikes, batch.mask).synops)] if events else []
    return _mean(outputs), float(np.mean(rates)), _mean(synops)


def _batches(policy: PolicyModel, config: TrainConfig) -> Iterator[Batch]:
    dataset = open_dataset(load_environment_spec(config.env), Path(config.dataset) if config.dataset else None)
    windows = TokenWindows(dataset, policy.normalisation, policy.model.config.context)
    for number in range(BATCHES):
        yield windows.batch(config.seed, config.steps + number, WINDOWS)


def _table(rows: dict[Combination, Measured]) -> str:
    """One line for all seeds of a combination; intervals are over seeds, of which they take three."""
    lines: dict[tuple[str, ...], list[Measured]] = defaultdict(list)
    for combination, measured in rows.items():
        key = combination.env, combination.model, combination.surrogate, f"{combination.threshold:g}"
        lines[*key, str(combination.steps)].append(measured)
    return text_table([(*COMBINED, *MEASURED), *((*key, *_cells(seeds)) for key, seeds in sorted(lines.items()))])


def _cells(seeds: Sequence[Measured]) -> tuple[str, ...]:
    score = estimate_mean([measured.score for measured in seeds])
    interval = "" if len(seeds) < LEAST_SEEDS else f" ({score.low:.1f} … {score.high:.1f})"
    synops = _mean([measured.synops for measured in seeds if measured.synops is not None])
    energy = _mean([measured.energy for measured in seeds if measured.energy is not None])
    return (
        ", ".join(f"{measured.score:.0f}" for measured in seeds),
        f"{score.mean:.1f}{interval}",
        _score([measured.past_cut for measured in seeds]),
        _score([measured.silenced for measured in seeds]),
        percent(_mean([measured.output_rate for measured in seeds if measured.output_rate is not None])),
        percent(_mean([measured.rate for measured in seeds])),
        NOTHING if synops is None else f"{synops:,.0f}",
        NOTHING if energy is None else f"{energy:.1f}",
        f"{np.mean([measured.seconds for measured in seeds]):.0f} s",
    )


def _score(values: Sequence[float | None]) -> str:
    given = _mean([value for value in values if value is not None])
    return NOTHING if given is None else f"{given:.1f}"


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


if __name__ == "__main__":
    sys.exit(run_command(main, "attention-surrogates"))
