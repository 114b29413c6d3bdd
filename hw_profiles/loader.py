"""Profiles from YAML, strictly: what the schema does not name, or a figure without its evidence, is refused."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TypeVar, cast

import yaml

from hw_profiles.errors import UserError, first_line
from hw_profiles.profile import Figure, Profile
from hw_profiles.suggest import suggestion

FOLDER = Path(__file__).parent / "profiles"

T = TypeVar("T")


def profile_names() -> list[str]:
    """Profiles that ship with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_profile(name_or_path: str | Path) -> Profile:
    """A shipped profile by name, or any by its ``.yaml`` file.

    Raises
    ------
    UserError
        There is none of that name (with the nearest), or the file breaks the schema: which file, which key, why.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if str(name_or_path) not in profile_names():
            raise UserError(f"no profile {str(name_or_path)!r}: {suggestion(str(name_or_path), profile_names())}")
        path = FOLDER / f"{name_or_path}.yaml"
    profile = _read(Profile, _parse(path), str(path), "")
    if profile.name != path.stem:
        raise UserError(f"{path}: name is {profile.name!r} but the file is called {path.stem!r}; make them the same")
    _check_units(profile, path)
    return profile


def _parse(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"no profile file {path}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} is not a readable YAML file: {first_line(error)}") from error


def _read(kind: type[T], value: object, path: str, where: str) -> T:
    """Build a dataclass from a mapping: every key known, every field without a default given, every type right."""
    place = f"{path}: {where}" if where else path
    if not isinstance(value, Mapping):
        raise UserError(f"{place}: expected keys and values, got {value!r}")
    known = {field.name: field for field in dataclasses.fields(cast(type, kind))}
    for key in value:
        if key not in known:
            raise UserError(f"{place}: unknown key {key!r}; {suggestion(str(key), known)}")
    for name, field in known.items():
        if name not in value and field.default is dataclasses.MISSING:
            raise UserError(f"{place}: {name} is missing")
    hints = typing.get_type_hints(kind)
    arguments = {
        str(key): _convert(hints[str(key)], item, path, f"{where}.{key}" if where else str(key))
        for key, item in value.items()
    }
    try:
        return kind(**arguments)
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def _convert(hint: object, value: object, path: str, where: str) -> object:
    """One value to the type a field declares; no silent conversions but an integer to a float."""
    if isinstance(hint, types.UnionType):
        hint = next(choice for choice in typing.get_args(hint) if choice is not type(None))
    if dataclasses.is_dataclass(hint):
        return _read(cast(type, hint), value, path, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        choices = [member.value for member in hint]
        if value in choices:
            return hint(value)
        raise UserError(f"{path}: {where} is {value!r}; {suggestion(str(value), choices)}")
    if hint == tuple[str, ...] and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint in (int, str) and type(value) is hint:
        return value
    expected = "a list of strings" if hint == tuple[str, ...] else cast(type, hint).__name__
    raise UserError(f"{path}: {where} must be {expected}, got {value!r}")


def _check_units(profile: Profile, path: Path) -> None:
    sections: list[tuple[str, object, str]] = [("energy", profile.energy, "pJ"), ("power", profile.power, "mW")]
    for section, figures, unit in sections:
        for key, figure in vars(figures).items() if figures is not None else ():
            _check_unit(figure, unit, f"{path}: {section}.{key}")
    _check_unit(profile.step_time, "us", f"{path}: step_time")


def _check_unit(figure: Figure | None, unit: str, place: str) -> None:
    if figure is not None and figure.unit != unit:
        raise UserError(f"{place}.unit is {figure.unit!r}; it must be {unit!r}")
