"""Lowerings of token mixings by the name that ``model.mixing`` takes."""

from __future__ import annotations

from typing import Any

from dsf_common.errors import UserError
from dsf_export.mixings.mixing_lowering import MixingLowering

_LOWERINGS: dict[str, MixingLowering[Any]] = {}


def register_lowering(name: str, lowering: MixingLowering[Any]) -> None:
    """Let policies of ``model.mixing=name`` be exported by ``lowering``.

    The mixing itself is registered by `dsf_models.mixings.register_mixing`.

    Raises
    ------
    UserError
        The name has a lowering already.
    """
    if name in _LOWERINGS:
        raise UserError(f"There is a lowering of model.mixing={name} already, {type(_LOWERINGS[name]).__name__}.")
    _LOWERINGS[name] = lowering


def lowering_of(name: str) -> MixingLowering[Any]:
    """The lowering of ``model.mixing=name``.

    Raises
    ------
    UserError
        None is registered.
    """
    if name not in _LOWERINGS:
        raise UserError(
            f"model.mixing={name} has no program, as nothing says how it is lowered; register a MixingLowering of it "
            "by dsf_export.mixings.register_lowering."
        )
    return _LOWERINGS[name]
