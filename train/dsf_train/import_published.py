"""`dsf-train --import-published`: a checkpoint of the paper's published code becomes a model.pt."""

from __future__ import annotations

from pathlib import Path

from dsf_common.errors import UserError
from dsf_models.checkpoint import PolicyModel, load_tensors, save_model_file
from dsf_models.published_checkpoint import is_published, load_published
from dsf_train.configuration import TrainConfig
from dsf_train.datasets import open_dataset
from dsf_train.run_folder import RunFolder
from dsf_train.sampling import normalisation_of
from neuro_runtime.environments import load_environment_spec


def import_published(path: Path, config: TrainConfig, overwrite: bool = False) -> Path:
    """Write ``runs/<env>/<name>/model.pt`` from the checkpoint in ``path`` and its dataset's statistics.

    Raises
    ------
    UserError
        The file is no published checkpoint, does not fit the environment, or a model is in the way.
    """
    config.validate_name()
    with RunFolder.of(config).locked():
        return _import(path, config, overwrite)


def _import(path: Path, config: TrainConfig, overwrite: bool) -> Path:
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
    save_model_file(target, PolicyModel(model, normalisation, spec.name, spec.default_target, provenance))
    return target
