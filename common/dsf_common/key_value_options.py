"""The parts that all ``dsf-`` commands share: ``key=value`` configuration and how a command ends."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from dsf_common.errors import UserError, first_line
from dsf_common.renamed_options import former_names
from dsf_common.suggestions import suggestion

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from omegaconf import DictConfig

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
        ``key=value`` strings; values are read as YAML (``null`` is none, ``[1, 2]`` a list). A later one wins.
        An option's former name is taken for its name, with a warning (`dsf_common.renamed_options`).

    Raises
    ------
    UserError
        A pair without ``=``, an unknown key (with the nearest known ones), a value of the wrong type,
        or a field without a default that no pair sets.
    """
    from omegaconf import OmegaConf

    tree = OmegaConf.structured(configuration)
    renamed = former_names(configuration)
    for override in overrides:
        key, value = _split(override)
        if key in renamed:
            _log.warning("%s is called %s now; change it in your script or configuration", key, renamed[key])
            key = renamed[key]
        _check_key(tree, key)
        _set(tree, key, value)
    missing = sorted(OmegaConf.missing_keys(tree))
    if missing:
        raise UserError(f"give {' and '.join(f'{key}=…' for key in missing)}: there is no default")
    return cast(ConfigurationT, OmegaConf.to_object(tree))


def describe_keys(configuration: type[DataclassInstance]) -> str:
    """One line a field for a command's ``--help``: ``key=default`` and the field metadata's ``help``."""
    lines = []
    for field in dataclasses.fields(configuration):
        default = "…" if field.default in (dataclasses.MISSING, "???") else field.default
        default = "null" if default is None else default
        default = default.value if isinstance(default, Enum) else default
        lines.append(f"  {f'{field.name}={default}':<24} {field.metadata.get('help', '')}")
    return "\n".join(lines)


def _split(override: str) -> tuple[str, str]:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise UserError(f"expected key=value, got {override!r}")
    return key, value


def _check_key(tree: DictConfig, key: str) -> None:
    """Walk a dotted key through the configuration, so that the error names the nearest key at its level."""
    from omegaconf import DictConfig, OmegaConf

    node: object = tree
    walked: list[str] = []
    for part in key.split("."):
        if not isinstance(node, DictConfig):
            raise UserError(f"unknown key {key!r}: {'.'.join(walked)} is a single value")
        if part not in list(node):
            raise UserError(f"unknown key {key!r}: {suggestion(part, map(str, node))}")
        walked.append(part)
        node = None if OmegaConf.is_missing(node, part) else node[part]


def _set(tree: DictConfig, key: str, value: str) -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    current = OmegaConf.select(tree, key)
    if isinstance(current, Enum):  # OmegaConf knows a member by its name, a user by its value, as files hold it
        value = {str(member.value): member.name for member in type(current)}.get(value, value)
    try:
        tree.merge_with_dotlist([f"{key}={value}"])
        OmegaConf.to_container(tree, resolve=True)
    except (OmegaConfBaseException, YAMLError) as error:
        raise UserError(f"cannot set {key} to {value!r}: {first_line(error)}") from error
