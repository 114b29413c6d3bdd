"""`dsf-train`: from a dataset to model.pt."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.numbered_names import serving_file, with_number
from dsf_models import distributed
from dsf_models.configuration import ModelKind
from dsf_train.configuration import TrainConfig
from dsf_train.evaluation import Scores
from dsf_train.import_published import import_published
from dsf_train.qat.gain import Gain, gain_table
from dsf_train.trainer import TrainingResult, train
from neuro_runtime.environments import load_environment_spec

DESCRIPTION = """\
Train a policy, a Decision SpikeFormer unless told otherwise, on an environment's dataset; writes runs/<env>/<name>/
with model.pt, config.yaml, metrics.jsonl and TensorBoard events. Options are key=value pairs: every key of
train/dsf_train/configuration.py, such as steps=5000, seed=1, dataset=FILE, model.mixing=delay,
model.embedding_size=64. env=NAME also brings that environment's recipe, where there is one.
model.kind=decision-transformer, decision-convformer, mlp, difference-mlp or spiking-mlp trains a baseline in the
DSFormer's place, with its published settings where it has any. quantise=true goes on with a trained policy
(policy=FILE, or the one that ships) through weights of Loihi's format (quantise_bits=4), and says what that gained."""


def main(argv: list[str] | None = None) -> int:
    """Entry point of `dsf-train`."""
    return run_command(_main, "dsf-train", argv)


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="dsf-train", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="env=NAME, and any option of the run")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was killed")
    parser.add_argument("--overwrite", action="store_true", help="replace a run of the same name")
    parser.add_argument("--json", action="store_true", help="put one JSON document on stdout")
    parser.add_argument(
        "--import-published",
        type=Path,
        metavar="FILE",
        help="do not train: turn a checkpoint of the paper's published code into runs/<env>/<name>/model.pt",
    )
    arguments = parser.parse_args(argv)
    config = training_config(arguments.overrides)
    if arguments.import_published:
        model_file = import_published(arguments.import_published, config, arguments.overwrite)
        print(json.dumps({"model": str(model_file)}) if arguments.json else f"model  {model_file}")
        return 0
    with distributed.joined(config.device):
        result = train(config, resume=arguments.resume, overwrite=arguments.overwrite)
        if distributed.is_first():
            print(json.dumps(_document(result)) if arguments.json else _summary(result))
    return 0


def training_config(overrides: list[str]) -> TrainConfig:
    """Defaults, then the environment's recipe, then the baseline's, then the command line's ``key=value`` pairs.

    Raises
    ------
    UserError
        No environment is named, or a key or a value is unknown; the nearest valid ones are named.
    """
    names = [pair.split("=", 1)[1] for pair in overrides if pair.startswith("env=")]
    if not names:
        raise UserError("Name the environment to train for, such as env=pendulum; dsf-data list shows them all.")
    load_environment_spec(names[-1])
    if compose(TrainConfig, overrides).quantise:
        _refuse_dimensions(overrides)
        return compose(TrainConfig, [*_without_model(recipe(names[-1])), *recipe("quantise"), *overrides])
    _refuse_idle(overrides)
    pairs = [*recipe(names[-1]), *overrides]
    kind = compose(TrainConfig, pairs).model.kind
    if kind is ModelKind.dsformer:
        return compose(TrainConfig, pairs)
    return compose(TrainConfig, [*recipe(names[-1]), *recipe(kind.value), *overrides])


def _refuse_dimensions(overrides: list[str]) -> None:
    for pair in overrides:
        if pair.startswith("model."):
            raise UserError(f"quantise=true takes the dimensions of the policy that it goes on with; leave out {pair}.")


def _refuse_idle(overrides: list[str]) -> None:
    for pair in overrides:
        if pair.startswith("quantise_"):
            raise UserError(f"{pair} has a meaning with quantise=true only; add quantise=true.")


def _without_model(pairs: list[str]) -> list[str]:
    return [pair for pair in pairs if not pair.startswith("model.")]


def recipe(name: str) -> list[str]:
    """Options that suit an environment or a baseline better than the defaults, as ``key=value`` pairs; often none."""
    recipes = {Path(file.name).stem: file for file in files("dsf_train").joinpath("recipes").iterdir()}
    serving = serving_file(name, recipes)
    if serving is None:
        return []
    stem, number = serving
    content = yaml.safe_load(recipes[stem].read_text(encoding="utf-8"))
    return [f"{key}={value}" for key, value in _flat(content if number is None else with_number(content, number))]


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in values.items():
        pairs += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return pairs


def _summary(result: TrainingResult) -> str:
    lines = [f"model  {result.model_file}"]
    lines += [
        f"score  {scores.mean:.1f} ± {scores.standard_error:.1f} over {len(scores.scores)} episodes, "
        f"return target {scores.return_target:g}"
        for scores in result.scores
    ]
    lines += [f"\n{gain_table(gain)}" for gain in result.gains]
    return "\n".join(lines)


def _document(result: TrainingResult) -> dict[str, Any]:
    return {
        "model": str(result.model_file),
        "scores": [_score_document(scores) for scores in result.scores],
        "gains": [_gain_document(gain) for gain in result.gains],
    }


def _gain_document(gain: Gain) -> dict[str, Any]:
    return {
        "return_target": gain.tuned.return_target,
        **{name: _score_document(scores) for name, scores in gain.stages().items()},
        "difference": {"mean": gain.difference.mean, "standard_error": gain.difference.standard_error},
        "shared_spikes": {"rounded": gain.rounded_spikes, "tuned": gain.tuned_spikes},
    }


def _score_document(scores: Scores) -> dict[str, Any]:
    return {
        "return_target": scores.return_target,
        "episodes": len(scores.scores),
        "mean": scores.mean,
        "standard_error": scores.standard_error,
        "returns": scores.returns.tolist(),
    }


if __name__ == "__main__":
    sys.exit(main())
