"""Token mixings by the name that ``model.mixing`` takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from dsf_common.errors import UserError
from dsf_common.suggestions import suggestion
from dsf_models.configuration import ModelConfig
from dsf_models.mixings.token_mixing import TokenMixing

MixingT = TypeVar("MixingT", bound=TokenMixing)

_MIXINGS: dict[str, type[TokenMixing]] = {}


def register_mixing(name: str) -> Callable[[type[MixingT]], type[MixingT]]:
    """Let ``model.mixing=name`` be the decorated class.

    Raises
    ------
    UserError
        The name is taken, or holds other characters than lower-case letters, digits and hyphens.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise UserError(f"A token mixing cannot be called {name!r}; choose lower-case letters, digits and hyphens.")
    if name in _MIXINGS:
        raise UserError(f"There is a token mixing {name} already, {_MIXINGS[name].__name__}; choose another name.")

    def register(mixing: type[MixingT]) -> type[MixingT]:
        _MIXINGS[name] = mixing
        return mixing

    return register


def mixing_names() -> list[str]:
    """The names of all registered token mixings, in the order in which they were registered."""
    return list(_MIXINGS)


def mixing_class(name: str) -> type[TokenMixing]:
    """The token mixing of a name.

    Raises
    ------
    UserError
        No mixing is registered by that name; the message gives the nearest ones.
    """
    if name not in _MIXINGS:
        raise UserError(f"There is no token mixing model.mixing={name}: {suggestion(name, _MIXINGS)}")
    return _MIXINGS[name]


def make_mixing(config: ModelConfig) -> TokenMixing:
    """A fresh token mixing, the one that ``config.mixing`` names."""
    return mixing_class(config.mixing)(config)
