"""A program as a worker gets it: the graph alone, without the package's classes."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from numpy.typing import NDArray

# Fields that are left out where they are at their default, by kind.
_DEFAULTS: dict[str, dict[str, Any]] = {"Lif": {"fires_at_threshold": False, "reset_step": None}}


def unpack_program(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SimpleNamespace:
    """The graph of a program that came as JSON and arrays, as `neuro_runtime.program.wire` packs it."""

    def unpack(item: Mapping[str, Any], prefix: str) -> SimpleNamespace:
        return SimpleNamespace(
            **_DEFAULTS.get(item["kind"], {})
            | {name: arrays[f"{prefix}/{name}"] if value is None else value for name, value in item.items()}
        )

    return SimpleNamespace(
        active_steps=header["active_steps"],
        period=header["period"],
        holds_input="sample" not in header,
        nodes=[unpack(item, f"nodes/{n}") for n, item in enumerate(header["nodes"])],
        connections=[unpack(item, f"connections/{n}") for n, item in enumerate(header["connections"])],
    )
