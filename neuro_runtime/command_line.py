"""What every ``dsf-`` command shares: ``key=value`` configuration and how a command ends."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from hw_profiles.errors import GateFailed, UserError
from hw_profiles.suggest import suggestion

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from omegaconf import DictConfig

ConfigurationT = TypeVar("ConfigurationT", bound="DataclassInstance")

ROOMS = ("train", "export", "neuro_runtime", "hw_profiles")


def compose(configuration: type[ConfigurationT], overrides: Sequence[str]) -> ConfigurationT:
    """Merge ``key=value`` pairs over a dataclass's defaults, each value checked against its field's type.

    Parameters
    ----------
    configuration
        A dataclass; a field may be a dataclass itself, reached as ``outer.inner=value``. A field without a
        default (or with OmegaConf's ``MISSING``) must be given.
    overrides
        ``key=value`` strings; values are read as YAML (``null`` is none, ``[1, 2]`` a list). A later one wins.

    Raises
    ------
    UserError
        A pair without ``=``, an unknown key (with the nearest known ones), a value of the wrong type,
        or a field without a default that no pair sets.
    """
    from omegaconf import OmegaConf

    tree = OmegaConf.structured(configuration)
    for override in overrides:
        key, value = _split(override)
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
        lines.append(f"  {f'{field.name}={default}':<24}{field.metadata.get('help', '')}")
    return "\n".join(lines)


def run_command(main: Callable[[list[str]], int], name: str, argv: Sequence[str] | None = None) -> int:
    """Run a command to its exit status: 0 done, 1 a gate failed, 2 wrong call or input, 130 interrupted.

    ``main`` gets the arguments (``sys.argv[1:]`` unless given) and returns its status. Logs go to stderr.
    """
    _log_to_stderr()
    try:
        return main(list(sys.argv[1:] if argv is None else argv))
    except UserError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 2
    except GateFailed as error:
        print(f"{name}: failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); keep Python from complaining again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for room in ROOMS:
        logging.getLogger(room).setLevel(logging.INFO)


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

    try:
        tree.merge_with_dotlist([f"{key}={value}"])
        OmegaConf.to_container(tree, resolve=True)
    except (OmegaConfBaseException, YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"cannot set {key} to {value!r}: {reason}") from error
