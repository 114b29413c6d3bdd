"""What do trained attentions score in integers, what do they cost on a chip, and do they use their past?

    python -m benchmarks.attention_policies runs=FOLDER[,FOLDER …] [episodes=100] [chip=portable] [decisions=60]
        [profiles=loihi1-measured,loihi2]

Each folder is that of a finished training. Its policy is exported for ``chip`` as dsf-export does, ``decisions`` long.
Scores are of the same episodes: in float, in integers on loihi-fast, and in float with the past cut (in a T-maze of N
steps the cue's token alone, elsewhere all but the present token) and with the mixing's spikes silenced; the first two
with 95 % intervals. ``Output`` is how often the mixing's output fires, and synops are those of a decision. Energy is
*estimated*, with the profile's band. A model without a program has the scores in float alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.statistics import estimate_mean
from dsf_common.text_table import NOTHING, percent
from dsf_export.network_export import has_program
from dsf_models.checkpoint import PolicyModel, load_model_file
from dsf_models.configuration import ModelConfig, ModelKind
from dsf_train.evaluation import EVALUATION_SEED, evaluate
from hw_profiles.activity import ActivityCounts
from hw_profiles.report.units import energy_text
from neuro_runtime.activity import mean_counts
from neuro_runtime.backends.loihi_fast import LoihiFastBackend
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec
from neuro_runtime.program.summary import synapse_count
from support.attention import past_that_is_cut, silence
from support.exported import energy_of, exported
from support.rollouts import rollout_in_lanes

OUTPUT = "attention.output"
TITLES = ("Run", "Mixing", "Float", "Integers", "Past cut", "Silenced", "Output", "Neurons", "Synapses", "Time steps")


@dataclass
class Options:
    """The trainings, and how their policies are scored and priced."""

    runs: str = ""
    episodes: int = 100
    chip: str = "portable"
    decisions: int = 60
    profiles: str = "loihi1-measured,loihi2"


def main(argv: list[str]) -> int:
    """Print a row a training."""
    options = compose(Options, argv)
    titles = (*TITLES, "Synops", *options.profiles.split(","))
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for folder in map(Path, options.runs.split(",")):
        print(f"| {' | '.join(_cells(folder, options))} |", flush=True)
    return 0


def _cells(folder: Path, options: Options) -> tuple[str, ...]:
    policy = load_model_file(folder / "model.pt")
    spec = load_environment_spec(policy.environment)
    integers = _in_integers(folder, policy, spec, options) if has_program(policy.model.config) else ()
    whole = _interval(evaluate(policy, spec, policy.return_target, options.episodes).scores.tolist())
    cut = evaluate(policy, spec, policy.return_target, options.episodes, past=past_that_is_cut(spec)).mean
    silenced = NOTHING
    if isinstance(policy.model.config, ModelConfig) and policy.model.config.kind is ModelKind.dsformer:
        silence(policy)
        silenced = f"{evaluate(policy, spec, policy.return_target, options.episodes).mean:.1f}"
    score, *cost = integers or [NOTHING] * (len(TITLES) - 4 + len(options.profiles.split(",")))
    return (f"{policy.environment} {folder.name}", _mixing(policy), whole, score, f"{cut:.1f}", silenced, *cost)


def _mixing(policy: PolicyModel) -> str:
    config = policy.model.config
    return config.mixing if config.kind is ModelKind.dsformer else config.kind.value


def _in_integers(folder: Path, policy: PolicyModel, spec: EnvironmentSpec, options: Options) -> tuple[str, ...]:
    """Score, rate of the output, size and period, synops, and energy by profile."""
    program = exported(policy, folder / "model.pt", options.decisions, options.chip)
    rollout = rollout_in_lanes(LoihiFastBackend(program), spec.name, options.episodes, EVALUATION_SEED)
    counts = mean_counts(rollout.activities, by_population=True)
    energies = []
    for name in options.profiles.split(","):
        energy = energy_of(program, counts, name)
        if energy is None:
            energies.append(NOTHING)
            continue
        low, high = map(energy_text, energy.band_pj)
        energies.append(f"{energy_text(energy.total_pj)} ({low} … {high})")
    return (
        _interval([episode.score for episode in rollout.episodes]),
        _output_rate(counts),
        f"{sum(node.size for node in program.nodes if node.on_chip):,}",
        f"{sum(map(synapse_count, program.connections)):,}",
        str(program.period),
        f"{counts.synops:,.0f}",
        *energies,
    )


def _output_rate(counts: ActivityCounts) -> str:
    outputs = [item for name, item in counts.by_population.items() if name.endswith(OUTPUT)]
    updates = sum(item.active_updates for item in outputs)
    return percent(sum(item.spikes for item in outputs) / updates if updates else None)


def _interval(scores: Sequence[float]) -> str:
    estimate = estimate_mean(scores)
    return f"{estimate.mean:.1f} ({estimate.low:.1f} … {estimate.high:.1f})"


if __name__ == "__main__":
    sys.exit(run_command(main, "attention_policies"))
