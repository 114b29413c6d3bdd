"""Profiles from YAML, strictly: what the schema does not name, or a figure without its evidence, is refused."""

from __future__ import annotations

import dataclasses
import re
import reprlib
import typing
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from dsf_common.errors import UserError, first_line
from dsf_common.files import require_readable
from dsf_common.suggestions import suggestion
from hw_profiles.profile import Profile

FOLDER = Path(__file__).parent / "profiles"
SCHEMA_CHECK = TypeAdapter(Profile)
UNKNOWN_KEY = "unexpected_keyword_argument"
EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "string_type": "a text; put it in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dataclass_type": "keys and values",
    "invalid_key": "a text as its key",
}

INTEGER, FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
DIGITS = list("-+0123456789")

Location = tuple[int | str, ...]


def profile_names() -> list[str]:
    """Profiles that ship with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_profiles(names_or_paths: Sequence[str]) -> list[Profile]:
    """Several profiles, each as :func:`load_profile` gives it.

    Raises
    ------
    UserError
        As there, or two are the same, or have one name.
    """
    profiles = [load_profile(name) for name in names_or_paths]
    names = [profile.name for profile in profiles]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"profile {name} is given twice: leave one out")
    return profiles


def load_profile(name_or_path: str | Path) -> Profile:
    """A shipped profile by name, which is read once a process, or any by its ``.yaml`` file.

    Raises
    ------
    UserError
        There is none of that name (with the nearest), or the file breaks the schema: which file, which key, why.
    """
    path = Path(name_or_path).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        if str(name_or_path) not in profile_names():
            raise UserError(f"no profile {str(name_or_path)!r}: {suggestion(str(name_or_path), profile_names())}")
        return _shipped(str(name_or_path))
    return _read(path)


@cache  # a report asks for each profile several times; profiles are immutable
def _shipped(name: str) -> Profile:
    return _read(FOLDER / f"{name}.yaml")


def _read(path: Path) -> Profile:
    profile = _validated(_with_capacity(_parse(path), path), path)
    if profile.name != path.stem:
        raise UserError(f"{path}: name is {profile.name!r} but the file is called {path.stem!r}; make them the same")
    return profile


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys and says nothing; a profile with two prices of one event is refused.

    Numbers are those of YAML 1.2, not 1.1: ``062`` is 62 and ``236e-1`` 23.6, and ``1:30`` is a text.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012, as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (INTEGER, FLOAT)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[typing.Hashable, typing.Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key!r} stands twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def _real(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(str(loader.construct_scalar(node)).replace(".inf", "inf").replace(".nan", "nan"))


_UniqueKeyLoader.add_implicit_resolver(INTEGER, re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), DIGITS)
_UniqueKeyLoader.add_implicit_resolver(
    FLOAT,
    re.compile(r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan)$"),
    [*DIGITS, "."],
)
_UniqueKeyLoader.add_constructor(INTEGER, _integer)
_UniqueKeyLoader.add_constructor(FLOAT, _real)


def _parse(path: Path) -> object:
    require_readable(
        path, absent=f"no profile file {path}; give an existing one, or a name that dsf-report --list shows"
    )
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} is not a readable YAML file: {first_line(error)}") from error


def _with_capacity(document: object, path: Path) -> object:
    """The document with the capacity of another shipped profile where it names one instead of giving its own."""
    if not isinstance(document, dict) or not isinstance(name := document.get("capacity"), str):
        return document
    if name not in profile_names():
        raise UserError(f"{path}: capacity names {name!r}, which is no profile: {suggestion(name, profile_names())}")
    named = _parse(FOLDER / f"{name}.yaml")
    return {**document, "capacity": named.get("capacity") if isinstance(named, dict) else None}


def _validated(document: object, path: Path) -> Profile:
    try:
        return SCHEMA_CHECK.validate_python(document)
    except ValidationError as error:
        sentence = _sentence(_most_telling(error.errors()))
        more = error.error_count() - 1
        raise UserError(f"{path}: {sentence}" + (f" (and {more} more)" if more else "")) from error


def _most_telling(errors: Sequence[ErrorDetails]) -> ErrorDetails:
    """An unknown key before the missing one that it was meant to be."""
    return next((error for error in errors if error["type"] == UNKNOWN_KEY), errors[0])


def _sentence(error: ErrorDetails) -> str:
    location = error["loc"]
    place = ".".join(map(str, location))
    kind = error["type"]
    if kind == UNKNOWN_KEY:
        section = ".".join(map(str, location[:-1]))
        nearest = suggestion(str(location[-1]), _keys_of(location[:-1]))
        return f"{section}: unknown key {location[-1]!r}; {nearest}" if section else f"unknown key {place!r}; {nearest}"
    if kind == "missing":
        return f"{place} is missing; see docs/profiles.md for what it is"
    if kind == "enum":
        choices = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        return f"{place} is {error['input']!r}; {suggestion(str(error['input']), choices)}"
    if kind == "value_error":
        reason = str(error["ctx"]["error"])
        return f"{place}: {reason}" if place else reason
    if kind == "invalid_key" and len(location) > 1 and isinstance(error["input"], int | float):
        section = ".".join(map(str, location[:-1]))
        return f"{section}: {error['input']} stands as a key; write a number with a point, not a comma, as in 23.6"
    return (
        f"{place + ' ' if place else ''}must be {EXPECTED.get(kind, error['msg'])}, got {reprlib.repr(error['input'])}"
        f"{'; write it with a point, not a comma' if kind.startswith('float') and ',' in str(error['input']) else ''}"
    )


def _keys_of(location: Location) -> list[str]:
    """Names of the fields of the section at ``location``, found through the annotations of the schema."""
    section: object = Profile
    for step in location:
        # A list's number stands for its items' type, which is the annotation's only dataclass already.
        if isinstance(step, str):
            section = _dataclass_in(typing.get_type_hints(section)[step])
    return [field.name for field in dataclasses.fields(typing.cast(type, section))]


def _dataclass_in(annotation: object) -> object:
    """The dataclass inside ``Annotated[…]``, ``… | None`` and ``tuple[…, ...]``."""
    if dataclasses.is_dataclass(annotation):
        return annotation
    return next(filter(None, map(_dataclass_in, typing.get_args(annotation))), None)
