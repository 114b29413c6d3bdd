"""`dsf-train --import-published`: a checkpoint of the paper's published code becomes a model.pt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsf_common.errors import UserError
from dsf_models.checkpoint import PolicyModel, load_tensors, save_model_file
from dsf_models.published_checkpoint import is_published, load_published
from dsf_models.relative_position import with_relative_position
from dsf_train.configuration import TrainConfig
from dsf_train.datasets import open_dataset
from dsf_train.evaluation import Scores, evaluate
from dsf_train.run_folder import RunFolder
from dsf_train.sampling import normalisation_of
from neuro_runtime.environments import load_environment_spec

KINDS = ("a weight a pair of places", "a weight a distance")


@dataclass(frozen=True)
class Imported:
    """A checkpoint that was brought over.

    Attributes
    ----------
    scores
        With position weights of pairs of places and of distances, in this order, where these were asked for.
    """

    model_file: Path
    scores: tuple[Scores, ...] = ()

    def text(self) -> str:
        """For a person to read."""
        scores = (f"score  {scores.text()} with {kind}" for kind, scores in self._by_kind())
        return "\n".join([f"model  {self.model_file}", *scores])

    def document(self) -> dict[str, Any]:
        """The same as plain values."""
        scores = {kind: {"mean": one.mean, "standard_error": one.standard_error} for kind, one in self._by_kind()}
        return {"model": str(self.model_file)} | ({"scores": scores} if scores else {})

    def _by_kind(self) -> list[tuple[str, Scores]]:
        return list(zip(KINDS, self.scores, strict=False))


def import_published(path: Path, config: TrainConfig, overwrite: bool = False, relative: bool = False) -> Imported:
    """Write ``runs/<env>/<name>/model.pt`` from the checkpoint in ``path`` and its dataset's statistics.

    Parameters
    ----------
    relative
        Turn PSSA's weights of pairs of places into weights of distances, which stream, and score both.

    Raises
    ------
    UserError
        The file is no published checkpoint, does not fit the environment, or a model is in the way.
    """
    config.validate_name()
    with RunFolder.of(config).locked():
        return _import(path, config, overwrite, relative)


def _import(path: Path, config: TrainConfig, overwrite: bool, relative: bool) -> Imported:
    target = RunFolder.of(config).model
    if target.exists() and not overwrite:
        raise UserError(f"{target} exists already; replace it by --overwrite, or choose another name=.")
    weights = load_tensors(path)
    if not is_published(weights):
        raise UserError(
            f"{path} is not a checkpoint of the paper's published code, whose weights have names such as "
            "transformer.transformer.blocks.0.attn.q_m.weight; a model.pt of dsf-train needs no import."
        )
    try:
        model = load_published(weights, config.model)
        made = with_relative_position(model) if relative else model
    except UserError as problem:
        raise UserError(f"{path}: {problem}") from problem
    spec = load_environment_spec(config.env)
    if (model.observation_size, model.action_size) != (spec.observation_size, spec.action_size):
        raise UserError(
            f"{path} takes {model.observation_size} observations and gives {model.action_size} actions, {spec.name} "
            f"has {spec.observation_size} and {spec.action_size}; name the environment that it was trained for."
        )
    dataset = Path(config.dataset) if config.dataset else None
    normalisation = normalisation_of(open_dataset(spec, dataset, config.dataset_options), spec.return_scale)
    provenance = {"imported_from": path.name, "env": spec.name}
    policy = PolicyModel(model, normalisation, spec.name, spec.default_target, provenance)
    if not relative:
        save_model_file(target, policy)
        return Imported(target)
    both = (policy, replace(policy, model=made))
    scores = tuple(evaluate(one, spec, one.return_target, config.final_episodes) for one in both)
    save_model_file(target, both[1])
    return Imported(target, scores)
