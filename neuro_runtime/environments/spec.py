"""The facts about an environment by name: one YAML file each, in `specs/` or a folder of the user's own."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from dsf_common.errors import UserError, first_line
from dsf_common.numbered_names import is_family, member, serving_file, with_number
from dsf_common.suggestions import suggestion
from dsf_common.whole_numbers import beyond_64_bits
from neuro_runtime.action_bounds import ActionBounds

_SPECS = Path(__file__).parent / "specs"
_SUFFIXES = (".yaml", ".yml")
OWN_SPECS = "DSF_ENVIRONMENTS"  # names a folder with more of these files


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment, its reference scores and its datasets.

    Attributes
    ----------
    name
        The paper's name, e.g. ``pen-e``: task and dataset.
    gymnasium_id
        The id that `gymnasium.make` is given; ``module:Name-v0`` imports a module first.
    time_limit
        D4RL's, in environment steps.
    observation_size, action_size
        Widths as a policy sees them; actions are in [−1, 1].
    reference_min, reference_max
        Returns of normalised scores 0 (a random policy) and 100 (the reference).
    return_targets
        Returns to ask a policy for, in raw reward; the first is the default. None of a registered id without a file,
        where training takes the data's.
    return_scale
        Divides returns-to-go before they reach a model.
    options
        Keyword arguments of the environment.
    action_low, action_high
        The bounds of the environment's own actions, where they are not −1 … 1.
    first_choice
        Where the environment takes one of action_size whole numbers, the first of them.
    first_observation
        Where the environment shows one of observation_size whole numbers, which a policy sees as a one-hot vector, the
        first of them.
    observed
        The entries of the environment's observation that a policy sees; none given means all. A dataset of the whole
        observation is cut down to them.
    d4rl_file
        D4RL's file, as ``folder/name`` on its server; its cache keeps the name alone. Empty where D4RL has none.
    d4rl_parts
        Files that together hold the same, for where the one file is not found.
    minari_datasets
        Minari's ids, all of which make up the dataset.
    dataset_steps
        Steps of the task's own dataset, about; 0 where there is none.
    generated
        The dataset is made by this project in seconds; nothing is downloaded.
    legacy_gym
        The environment exists in legacy ``gym`` alone.
    """

    name: str
    gymnasium_id: str
    time_limit: int
    observation_size: int
    action_size: int
    reference_min: float
    reference_max: float
    return_targets: tuple[float, ...]
    return_scale: float
    options: Mapping[str, Any] = field(default_factory=dict)
    action_low: tuple[float, ...] = ()
    action_high: tuple[float, ...] = ()
    first_choice: int | None = None
    first_observation: int | None = None
    observed: tuple[int, ...] = ()
    d4rl_file: str = ""
    d4rl_parts: tuple[str, ...] = ()
    minari_datasets: tuple[str, ...] = ()
    dataset_steps: int = 0
    generated: bool = False
    legacy_gym: bool = False

    @property
    def action_bounds(self) -> ActionBounds | None:
        """The bounds of the environment's own actions, where the file names them."""
        if self.first_choice is not None:
            return ActionBounds.choices(self.action_size, self.first_choice)
        return ActionBounds(self.action_low, self.action_high) if self.action_low or self.action_high else None

    @property
    def default_target(self) -> float:
        """The return that a policy is asked for by default.

        Raises
        ------
        UserError
            It is a registered id without a file, so nobody has named one.
        """
        if not self.return_targets:
            raise UserError(
                f"{self.name} is known by its Gymnasium id alone, which names no return to ask for; give it a file of "
                f"its own in ${OWN_SPECS}"
            )
        return self.return_targets[0]

    @property
    def has_references(self) -> bool:
        """Whether the returns of scores 0 and 100 are known; a registered id without a file has returns for scores."""
        return bool(self.return_targets)

    @property
    def is_d4rl(self) -> bool:
        """Whether D4RL recorded its dataset, so that reward, termination and places must be D4RL's."""
        return bool(self.d4rl_file or self.d4rl_parts) or any(map(_is_of_d4rl, self.minari_datasets))


def _is_of_d4rl(minari_dataset: str) -> bool:
    return minari_dataset.startswith("D4RL/")


def environment_names() -> list[str]:
    """Every environment's name, sorted; of a family (``t-maze-N``) those that its file lists."""
    return sorted(name for stem, file in _spec_files().items() for name in _names(stem, file))


def load_environment_spec(name: str) -> EnvironmentSpec:
    """The environment called ``name``: by its file, or an id that is registered with Gymnasium.

    Raises
    ------
    UserError
        There is none (the nearest names are given), or its file is wrong.
    """
    if not name.strip():
        raise UserError("env= has no value; name an environment, such as env=pendulum")
    files = _spec_files()
    serving = serving_file(name, files)
    if serving is None:
        if name.endswith(_SUFFIXES):
            raise UserError(
                f"env={name} is a file, and env= takes a name: let {OWN_SPECS} name the file's folder, and give "
                f"env={Path(name).stem}"
            )
        from neuro_runtime.environments import registered  # which imports Gymnasium

        if registered.is_registered(name):
            return registered.registered_spec(name)
        near = suggestion(name, [*environment_names(), *registered.registered_names()])
        nearest = near if near.startswith("did you mean") else suggestion(name, environment_names())
        raise UserError(f"unknown environment {name!r}: {nearest}")
    stem, number = serving
    content = _content(name, files[stem])
    return parse_environment_spec(name, content if number is None else _of_family(name, content, number))


def parse_environment_spec(name: str, content: Any) -> EnvironmentSpec:
    """An `EnvironmentSpec` from the content of a YAML file.

    Raises
    ------
    UserError
        A key is unknown, missing or of the wrong type, the values do not go together, or the content is no mapping.
    """
    if not isinstance(content, dict):
        raise UserError(f"environment {name}: expected key: value lines")
    known = {item.name: item for item in fields(EnvironmentSpec) if item.name != "name"}
    for key in content:
        if key not in known:
            raise UserError(f"environment {name}: unknown key {key!r}: {suggestion(str(key), known)}")
    for key, item in known.items():
        if item.default is MISSING and item.default_factory is MISSING and key not in content:
            raise UserError(f"environment {name}: {key} is missing")
    values = {key: _read_value(name, key, str(known[key].type), value) for key, value in content.items()}
    spec = EnvironmentSpec(name=name, **values)
    _check(spec)
    return spec


def normalised_score(spec: EnvironmentSpec, episode_return: float) -> float:
    """``100 (return − min) / (max − min)``, D4RL's convention."""
    return 100 * (episode_return - spec.reference_min) / (spec.reference_max - spec.reference_min)


def _names(stem: str, file: Path) -> list[str]:
    if not is_family(stem):
        return [stem]
    return [member(stem, number) for number in _family(stem, _content(stem, file)).listed]


def _content(name: str, file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise UserError(f"environment {name}: {file} is no readable YAML ({first_line(problem)})") from problem


@dataclass(frozen=True)
class _Family:
    """The section ``N`` of a file for many environments, on the number in their names."""

    least: int
    listed: tuple[int, ...]


def _family(name: str, content: Any) -> _Family:
    numbers = content.get("N") if isinstance(content, dict) else None
    if not isinstance(numbers, dict) or set(numbers) != {"least", "listed"}:
        raise UserError(f"environment {name}: expected N: {{least: …, listed: […]}}, as its file is for every number N")
    least = _read_value(name, "N.least", "int", numbers["least"])
    return _Family(least, _read_value(name, "N.listed", "tuple[int, ...]", numbers["listed"]))


def _of_family(name: str, content: Any, number: int) -> Any:
    """The content of a family's file, for the one of ``number``."""
    least = _family(name, content).least
    if number < least:
        raise UserError(f"environment {name}: its number must be at least {least}")
    if too_large := beyond_64_bits(number):
        raise UserError(f"environment {name}: {too_large}")
    return with_number({key: value for key, value in content.items() if key != "N"}, number)


def _spec_files() -> dict[str, Path]:
    """File by name; the user's own come last, so that one of them may replace one of ours."""
    return {path.stem: path for path in [*_SPECS.glob("*.yaml"), *_own_files()]}


def _own_files() -> list[Path]:
    own = os.environ.get(OWN_SPECS)
    if not own:
        return []
    folder = Path(own).expanduser()
    if not folder.is_dir():  # else one of ours would be taken for the user's file of the same name
        raise UserError(f"{OWN_SPECS} names {own}, and there is no such folder")
    files = sorted(
        (path for path in folder.iterdir() if path.suffix in _SUFFIXES), key=lambda path: (path.stem, path.suffix)
    )
    for one, other in pairwise(files):
        if one.stem == other.stem:
            raise UserError(f"{own} has {one.name} and {other.name}, both for env={one.stem}: keep one")
    return files


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return (_is_whole(value) or isinstance(value, float)) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list_of(is_item: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(is_item, value))


# For each type of field: what it is called, when a value is one, and how the field holds it.
_READERS: dict[str, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    "str": ("text", _is_text, str),
    "bool": ("true or false", lambda value: isinstance(value, bool), bool),
    "int": ("a whole number", _is_whole, int),
    "int | None": ("a whole number", _is_whole, int),
    "float": ("a number", _is_number, float),
    "tuple[int, ...]": ("a list of whole numbers", _is_list_of(_is_whole), tuple),
    "tuple[float, ...]": ("a list of numbers", _is_list_of(_is_number), lambda value: tuple(map(float, value))),
    "tuple[str, ...]": ("a list of texts", _is_list_of(_is_text), tuple),
    "Mapping[str, Any]": ("key: value lines", lambda value: isinstance(value, dict), dict),
}


def _read_value(name: str, key: str, kind: str, value: Any) -> Any:
    title, is_one, hold = _READERS[kind]
    if not is_one(value):
        raise UserError(f"environment {name}: {key} is {value!r}, not {title}")
    return hold(value)


def _check(spec: EnvironmentSpec) -> None:
    for key in ("time_limit", "observation_size", "action_size", "return_scale"):
        if getattr(spec, key) <= 0:
            raise UserError(f"environment {spec.name}: {key} must be positive, not {getattr(spec, key)}")
    if spec.reference_max <= spec.reference_min:
        raise UserError(
            f"environment {spec.name}: reference_max {spec.reference_max} must be above "
            f"reference_min {spec.reference_min}"
        )
    if not spec.return_targets:
        raise UserError(f"environment {spec.name}: return_targets needs at least one return to ask a policy for")
    try:
        bounds = spec.action_bounds
    except UserError as problem:
        raise UserError(f"environment {spec.name}: {problem}") from problem
    if bounds and len(bounds.low) != spec.action_size:
        raise UserError(
            f"environment {spec.name}: action_low lists {len(bounds.low)} bounds, action_size is {spec.action_size}"
        )
    if spec.observed and len(spec.observed) != spec.observation_size:
        raise UserError(
            f"environment {spec.name}: observed lists {len(spec.observed)} entries, "
            f"observation_size is {spec.observation_size}"
        )
