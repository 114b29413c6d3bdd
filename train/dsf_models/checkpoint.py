"""model.pt: a trained policy with all it takes to run it, in a file that holds tensors and plain values only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dsf_common.checksum import CHECKSUM, content_checksum, require_intact
from dsf_common.errors import UserError
from dsf_common.files import atomic_write, require_readable
from dsf_common.plain_values import plain
from dsf_common.renamed_options import with_present_names
from dsf_common.versions import if_newer
from dsf_models import PolicyNetwork, make_model
from dsf_models.configuration import ModelConfig, Surrogate
from dsf_models.mixings import mixing_names
from dsf_models.published_checkpoint import is_published
from dsf_models.quantisation import Quantisation
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.policy_protocol import PolicyProtocol

FORMAT = "decision-spikeformer-model"
# A file has the version of the first release that knows all that is in it.
OLDEST = 1  # has options by their former names
WITH_CHECKSUM = 2
WITH_CHOICES = 3  # knows actions that are choices
VERSION = WITH_CHOICES
_ONCE_WITHOUT_WINDOW = ("tssa", "sssa", "sdsa1", "sdsa3")
_CONTENT = (
    "environment",
    "return_target",
    "return_scale",
    "state_mean",
    "state_std",
    "action_size",
    "model",
    "configuration",
    "weights",
)
BEFORE_IT_WAS_A_SETTING = {"surrogate": Surrogate.published.value}  # what a file that does not say was trained with


class UnknownSettingsError(ValueError):
    """A model has settings that this release does not know."""


@dataclass(frozen=True)
class Normalisation:
    """How raw observations and returns become the model's inputs.

    ``clip((s − mean) / std, −input_clip, input_clip)``, in float64, and ``R / return_scale``.
    """

    state_mean: NDArray[np.float32]  # (observation_size,)
    state_std: NDArray[np.float32]  # (observation_size,)
    return_scale: float
    input_clip: float = math.inf  # deviations; infinite in a file of an earlier release

    def states(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """The model's inputs, (…, observation_size), for raw observations of any type."""
        centred = observations.astype(np.float64) - self.state_mean.astype(np.float64)
        normalised: NDArray[np.float64] = centred / self.state_std.astype(np.float64)
        return normalised.clip(-self.input_clip, self.input_clip) if self.input_clip < math.inf else normalised

    def clipped(self, observation: NDArray[np.float64]) -> int:
        """The entries of a raw observation, (observation_size,), that lie beyond the clip."""
        if self.input_clip == math.inf:
            return 0
        return int((np.abs((observation - self.state_mean) / self.state_std) > self.input_clip).sum())


@dataclass(frozen=True)
class PolicyModel:
    """A model in evaluation mode with its normalisation and what it was trained for."""

    model: PolicyNetwork
    normalisation: Normalisation
    environment: str
    return_target: float  # raw, the default for running it
    configuration: dict[str, Any]  # the whole run's, for provenance
    quantisation: Quantisation | None = None  # the rounding that it was trained through, if it was
    action_bounds: ActionBounds | None = None  # what −1 … 1 stands for; None in a file of an earlier release
    data_notes: tuple[str, ...] = ()  # what was doubtful about the training data, a sentence each

    @property
    def delayed_reward(self) -> bool:
        """Whether it was trained, and is to be evaluated, with all reward at the end of an episode."""
        return bool(self.configuration.get("delayed_reward", False))

    @property
    def protocol(self) -> PolicyProtocol:
        """How it was trained, and is to be run."""
        return PolicyProtocol(
            self.return_target,
            self.normalisation.return_scale,
            self.delayed_reward,
            self.normalisation.input_clip,
            self.action_bounds,
            self.data_notes,
        )


def save_model_file(path: Path, policy: PolicyModel) -> None:
    """Write ``policy`` to ``path`` atomically, in a form that ``torch.load(weights_only=True)`` reads."""
    has_choices = policy.action_bounds is not None and policy.action_bounds.first_choice is not None
    content = {
        "format": FORMAT,
        "version": WITH_CHOICES if has_choices else WITH_CHECKSUM,
        "environment": policy.environment,
        "return_target": policy.return_target,
        "return_scale": policy.normalisation.return_scale,
        "state_mean": torch.from_numpy(policy.normalisation.state_mean),
        "state_std": torch.from_numpy(policy.normalisation.state_std),
        "action_size": policy.model.action_size,
        "model": plain(policy.model.config),
        "configuration": policy.configuration,
        "weights": {name: tensor.detach().cpu() for name, tensor in policy.model.state_dict().items()},
    }
    if policy.normalisation.input_clip < math.inf:
        content["input_clip"] = policy.normalisation.input_clip
    if policy.action_bounds:
        content["action_bounds"] = policy.action_bounds.plain()
    if policy.data_notes:
        content["data_notes"] = list(policy.data_notes)
    if policy.quantisation:
        content["quantisation"] = policy.quantisation.plain()
    save_tensors(path, content)


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write nested tensors and plain values with their checksum, atomically."""
    with atomic_write(path) as temporary:
        torch.save({**content, CHECKSUM: content_checksum(_as_arrays(content))}, temporary)


def require_intact_tensors(content: Mapping[str, Any], path: Path, required: bool) -> None:
    """Compare the content of a file that :func:`save_tensors` wrote with its checksum.

    Parameters
    ----------
    required
        Whether a file without one is refused too.

    Raises
    ------
    UserError
        They differ, or there is none and it is ``required``.
    """
    require_intact(_as_arrays(content), str(path), "copy or train it again.", required)


def _as_arrays(content: Any) -> Any:
    """The same nested values with arrays in place of tensors."""
    if isinstance(content, torch.Tensor):
        return content.detach().cpu().numpy()
    if isinstance(content, Mapping):
        return {key: _as_arrays(value) for key, value in content.items()}
    return [_as_arrays(value) for value in content] if isinstance(content, list | tuple) else content


def load_model_file(path: Path) -> PolicyModel:
    """Read a trained policy.

    Raises
    ------
    UserError
        The file is missing, not a model, damaged, of another version, of a token mixing that is not registered, or a
        checkpoint of the paper's published code, which lacks the dataset's statistics.
    """
    content = load_tensors(path)
    if is_published(content):
        raise UserError(
            f"{path} is a published checkpoint, which holds no state statistics; "
            "bring it over once with dsf-train --import-published, which takes them from the dataset."
        )
    if content.get("format") != FORMAT:
        raise UserError(
            f"{path} is a PyTorch file but neither a model.pt of dsf-train nor a published DSFormer checkpoint; "
            "pass the model.pt of a run."
        )
    if content.get("version") not in range(OLDEST, VERSION + 1):
        raise UserError(
            f"{path} has model format {content.get('version')}, this release reads {OLDEST} to {VERSION}"
            f"{if_newer(content.get('version'), VERSION)}; retrain it."
        )
    _require_mixing(path, content)
    try:
        policy = _policy(content)
    except UnknownSettingsError as problem:
        raise UserError(
            f"{path} has the {problem}, which this release does not know: a newer one made it; retrain it, or upgrade."
        ) from problem
    except (UserError, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as problem:
        reason = str(problem).splitlines()[-1].strip().rstrip(".")
        raise UserError(f"{path} is damaged: {reason}; copy or train it again.") from problem
    try:
        require_intact_tensors(content, path, required=content["version"] >= WITH_CHECKSUM)
    except TypeError as problem:
        raise UserError(f"{path} is damaged: it holds {problem}; copy or train it again.") from problem
    return policy


def load_tensors(path: Path) -> dict[str, Any]:
    """A dictionary of tensors and plain values from a PyTorch file; code in it is never run.

    Raises
    ------
    UserError
        The file is missing, unreadable, or holds anything else.
    """
    require_readable(path, f"There is no model file {path}; pass the model.pt that dsf-train wrote.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # damaged bytes make PyTorch's reader raise anything, an IndexError or a TypeError too
        raise UserError(
            f"{path} is not a readable PyTorch file of plain tensors (damaged, or cut short); copy or train it again."
        ) from problem
    if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
        raise UserError(
            f"{path} holds a {type(content).__name__}, not a model; pass the model.pt that dsf-train wrote."
        )
    return dict(content)


def model_config(values: Mapping[str, Any]) -> ModelConfig:
    """A `ModelConfig` from plain values.

    Raises
    ------
    UnknownSettingsError
        A name is unknown.
    ValueError
        A value is unknown, or a value has the wrong type.
    """
    values = _with_present_window(with_present_names(ModelConfig, values))
    unknown = set(values) - {field.name for field in fields(ModelConfig)}
    if unknown:
        raise UnknownSettingsError(f"model settings {', '.join(sorted(unknown))}")
    typed: dict[str, Any] = {name: _setting(name, value) for name, value in values.items()}
    config = ModelConfig(**typed)
    config.validate()
    return config


def _with_present_window(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """``values`` with the window that they mean: before there was a limit of scores, some mixings had the context's."""
    if "score_limit" in values or values.get("mixing") not in _ONCE_WITHOUT_WINDOW:
        return values
    return {**values, "window": values.get("context", ModelConfig.context)}


def _setting(name: str, value: object) -> object:
    """``value`` in the type of the setting's default."""
    kind = type(getattr(ModelConfig, name))
    if issubclass(kind, Enum):
        return kind(value)
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise ValueError(f"model.{name}={value!r} is no {kind.__name__}")
    return value


def _require_mixing(path: Path, content: Mapping[str, Any]) -> None:
    settings = content.get("model")
    mixing = settings.get("mixing") if isinstance(settings, Mapping) else None
    if isinstance(mixing, str) and mixing not in mixing_names():
        raise UserError(
            f"{path} mixes tokens by model.mixing={mixing}, which is not registered; "
            "import the module that registers it first."
        )


def _policy(content: Mapping[str, Any]) -> PolicyModel:
    missing = [name for name in _CONTENT if name not in content]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    for name, tensor in content["weights"].items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} holds a value that is not finite")
    normalisation = _normalisation(content)
    return_target = float(content["return_target"])
    if not math.isfinite(return_target):
        raise ValueError(f"its return target is {return_target}")
    config = model_config({**BEFORE_IT_WAS_A_SETTING, **content["model"]})
    model = make_model(config, len(normalisation.state_mean), content["action_size"])
    model.load_state_dict(content["weights"])
    return PolicyModel(
        model=model.eval(),
        normalisation=normalisation,
        environment=str(content["environment"]),
        return_target=return_target,
        configuration=dict(content["configuration"]),
        quantisation=Quantisation.from_plain(content["quantisation"]) if "quantisation" in content else None,
        action_bounds=_action_bounds(content),
        data_notes=_data_notes(content),
    )


def _data_notes(content: Mapping[str, Any]) -> tuple[str, ...]:
    notes = content.get("data_notes", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise ValueError("its notes on the training data are no sentences")
    return tuple(notes)


def _action_bounds(content: Mapping[str, Any]) -> ActionBounds | None:
    if "action_bounds" not in content:
        return None
    bounds = ActionBounds.of(**content["action_bounds"])
    if len(bounds.low) != content["action_size"]:
        raise ValueError(f"it has bounds for {len(bounds.low)} actions of {content['action_size']}")
    return bounds


def _normalisation(content: Mapping[str, Any]) -> Normalisation:
    mean, std = content["state_mean"].numpy(), content["state_std"].numpy()
    if mean.ndim != 1 or mean.shape != std.shape:
        raise ValueError(f"state_mean has shape {mean.shape}, state_std {std.shape}")
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
        raise ValueError("its state statistics are not finite, or a deviation is not positive")
    return_scale = float(content["return_scale"])
    if not 0 < return_scale < math.inf:
        raise ValueError(f"its return scale is {return_scale}")
    input_clip = float(content.get("input_clip", math.inf))
    if not input_clip > 0:
        raise ValueError(f"its clip of inputs is {input_clip}")
    return Normalisation(mean, std, return_scale, input_clip)
