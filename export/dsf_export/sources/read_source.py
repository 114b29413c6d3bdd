"""A file of another framework as a float network, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsf_common.errors import UserError
from dsf_common.key_value_options import compose
from dsf_export.sources.content import Content
from dsf_export.sources.conventions import SourceOptions
from dsf_export.sources.discretise import discretise
from dsf_export.sources.float_network import FloatNetwork
from dsf_export.sources.netx_file import read_netx
from dsf_export.sources.nir_file import read_nir

FROM = "from"


def source_options(pairs: Sequence[str]) -> SourceOptions:
    """The options of ``key=value`` pairs; ``from=`` is no name in Python, so it is ``framework``.

    Raises
    ------
    UserError
        An unknown key or a value of the wrong type.
    """
    for pair in pairs:
        if pair.startswith("framework="):
            raise UserError(f"unknown key 'framework': here it is {FROM}")
        if not pair.removeprefix(f"{FROM}=").strip():
            raise UserError(f"{FROM}= has no value; give one, or leave it out")
    named = [f"framework={pair.removeprefix(f'{FROM}=')}" if pair.startswith(f"{FROM}=") else pair for pair in pairs]
    return compose(SourceOptions, named)


def read_network(path: Path, content: Content, options: SourceOptions) -> FloatNetwork:
    """The float network in a file.

    Raises
    ------
    UserError
        The file is damaged, holds what is not covered, or leaves a convention open.
    """
    name = path.name.partition(".")[0]
    try:
        if content == "nir":
            return discretise(read_nir(path), options, name)
        if content == "netx":
            return read_netx(path, options, name)
    except UserError as problem:
        text = str(problem)
        raise UserError(text if text.startswith(str(path)) else f"{path}: {text}") from problem
    raise UserError(f"{path} holds no network of another framework")
