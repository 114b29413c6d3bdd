"""``key=value`` pairs over a dataclass's defaults, as all commands take them, and their list for ``--help``."""

from __future__ import annotations

import logging
import sys
import textwrap
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from dsf_common.errors import UserError, first_line
from dsf_common.option_meanings import Option, options_of
from dsf_common.renamed_options import former_names
from dsf_common.suggestions import suggestion
from dsf_common.synonyms import ours
from dsf_common.whole_numbers import beyond_64_bits

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from omegaconf import DictConfig

WIDTH, COLUMN = 116, 36  # of the list, and where meanings begin in it

_log = logging.getLogger(__name__)

ConfigurationT = TypeVar("ConfigurationT", bound="DataclassInstance")


def compose(configuration: type[ConfigurationT], overrides: Sequence[str]) -> ConfigurationT:
    """Merge ``key=value`` pairs over a dataclass's defaults, each value checked against its field's type.

    Parameters
    ----------
    configuration
        A dataclass; a field may be a dataclass itself, reached as ``outer.inner=value``. A field without a
        default (or with OmegaConf's ``MISSING``) must be given.
    overrides
        ``key=value`` strings. A text or a path is taken as it is written, a number as Python reads it, anything else as
        YAML; ``null`` is none where an option may be none, and nothing at all is refused. A later one wins.
        An option's former name is taken for its name, with a warning (`dsf_common.renamed_options`). ``--help``
        prints the options, beside what the dataclass's module says, and ends the program.

    Raises
    ------
    UserError
        A pair without ``=`` or without a value, an unknown key (with ours for what it means elsewhere, or the nearest),
        a value of the wrong type, or a field without a default that no pair sets.
    """
    from omegaconf import OmegaConf

    if {"-h", "--help"} & set(overrides):
        print(f"{sys.modules[configuration.__module__].__doc__}\noptions:\n{describe_keys(configuration)}")
        raise SystemExit(0)
    tree = OmegaConf.structured(configuration)
    renamed = former_names(configuration)
    for override in overrides:
        key, value = _split(override)
        if key in renamed:
            _log.warning("%s is called %s now; change it in your script or configuration", key, renamed[key])
            key = renamed[key]
        _check_key(tree, key, configuration)
        _set(tree, key, value)
    missing = sorted(OmegaConf.missing_keys(tree))
    if missing:
        raise UserError(f"give {' and '.join(f'{key}=…' for key in missing)}: there is no default")
    return cast(ConfigurationT, OmegaConf.to_object(tree))


def describe_keys(configuration: type[DataclassInstance]) -> str:
    """Every option for a command's ``--help``: ``key=default``, what it means, and which values it takes."""
    return "\n".join(map(_described, options_of(configuration)))


def _described(option: Option) -> str:
    values = f"{'; ' if option.meaning else ''}{', '.join(option.values)}" if option.values else ""
    pair = f"  {option.key}={option.default or '…'}"
    lines = textwrap.wrap(f"{option.meaning}{values}", WIDTH - COLUMN) or [""]
    first = f"{pair:<{COLUMN}}" if len(pair) < COLUMN else f"{pair}\n{'':<{COLUMN}}"
    return f"\n{'':<{COLUMN}}".join([first + lines[0], *lines[1:]]).rstrip()


def _split(override: str) -> tuple[str, str]:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise UserError(f"expected key=value, got {override!r}")
    return key, value


def _check_key(tree: DictConfig, key: str, configuration: type[DataclassInstance]) -> None:
    """Walk a dotted key through the configuration, so that the error names the nearest key at its level."""
    from omegaconf import DictConfig, OmegaConf

    node: object = tree
    walked: list[str] = []
    for part in key.split("."):
        if not isinstance(node, DictConfig):
            raise UserError(f"unknown key {key!r}: {'.'.join(walked)} is a single value")
        if part not in list(node):
            meant = ours(key, [option.key for option in options_of(configuration)])
            parents = "".join(f"{parent}." for parent in walked)
            answer = f"here it is {meant}" if meant else suggestion(part, map(str, node), prefix=parents)
            raise UserError(f"unknown key {key!r}: {answer}")
        walked.append(part)
        node = None if OmegaConf.is_missing(node, part) else node[part]


def _set(tree: DictConfig, key: str, value: str) -> None:
    from omegaconf import BooleanNode, EnumNode, FloatNode, IntegerNode, OmegaConf, PathNode, StringNode, ValueNode
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    readers: dict[type, Callable[[str], object]] = {
        StringNode: _literal,
        PathNode: _literal,
        IntegerNode: int,
        FloatNode: float,
    }
    wanted: dict[type, str] = {  # in words; OmegaConf's name Python's types
        BooleanNode: "it takes true or false",
        FloatNode: "it takes a number",
        IntegerNode: "it takes a whole number",
    }
    current = OmegaConf.select(tree, key)
    if isinstance(current, Enum):  # OmegaConf knows a member by its name, a user by its value, as files hold it
        value = {str(member.value): member.name for member in type(current)}.get(value, value)
    if not value.strip():  # such as of an empty variable of a script
        choice = "give one, or leave it out" if current is None else f"leave it out for the default, {current}"
        raise UserError(f"{key}= has no value; {choice}")
    parent = OmegaConf.select(tree, key.rpartition(".")[0]) if "." in key else tree
    node = parent._get_node(key.rpartition(".")[2])
    try:
        if isinstance(node, ValueNode) and type(node) in readers:
            OmegaConf.update(tree, key, _read(value, readers[type(node)], node._is_optional()))
        else:
            tree.merge_with_dotlist([f"{key}={value}"])
        OmegaConf.to_container(tree, resolve=True)
    except (OmegaConfBaseException, YAMLError, ValueError) as error:
        reason = wanted.get(type(node)) or first_line(error)
        if isinstance(node, EnumNode):
            reason = suggestion(value, [str(member.value) for member in node.enum_type])
        raise UserError(f"cannot set {key} to {value!r}: {reason}") from error


def _read(value: str, reader: Callable[[str], object], may_be_none: bool) -> object:
    """``value`` as the option takes it. YAML would make 7 of ``name=007``, and 90 of ``steps=1:30``."""
    if may_be_none and value.strip() == "null":
        return None
    read = reader(value)
    if isinstance(read, int) and (too_large := beyond_64_bits(read)):
        raise UserError(too_large)
    return read


def _literal(text: str) -> str:
    """For OmegaConf, to which ``${…}`` is another option's value."""
    return text.replace("${", r"\${")
