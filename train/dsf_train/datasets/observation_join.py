"""Observations in parts, as one vector a step: joined as the environment joins what it shows, or as the user says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_train.datasets.episode import Array, as_float32
from neuro_runtime.environments import EnvironmentSpec
from neuro_runtime.environments.recorded_observation import recorded_join

Parts = Mapping[str, Any]  # arrays of one row a step, or parts again


class ObservationJoin:
    """Makes one vector a step of what a dataset holds.

    Parameters
    ----------
    spec
        The environment, which is made where its own way of joining is asked for.
    keys
        The parts to join, in this order; none means the environment's way.
    recorded_options
        The options that the data were recorded with, where they say so.
    """

    def __init__(
        self, spec: EnvironmentSpec, keys: tuple[str, ...] = (), recorded_options: Mapping[str, Any] | None = None
    ) -> None:
        self._spec, self._keys, self._recorded_options = spec, keys, recorded_options

    def recorded_with(self, options: Mapping[str, Any]) -> ObservationJoin:
        """The same for data that were recorded with these options of the environment."""
        return ObservationJoin(self._spec, self._keys, options)

    def __call__(self, observations: NDArray[Any] | Parts, title: str) -> Array:
        """``observations`` as (steps, size).

        Raises
        ------
        UserError
            A part is missing or no number a step, or nothing says how the parts go together.
        """
        if isinstance(observations, Mapping):
            whole = self._chosen(observations, title) if self._keys else self._as_shown(observations, title)
            return as_float32(whole)
        if self._keys:
            raise UserError(f"{title} has observations in one piece; leave out observation_keys")
        return as_float32(observations)

    @cached_property
    def _environments(self) -> Callable[[Any], NDArray[Any]] | None:
        """The environment's own way; None where it shows vectors, or cannot be made here."""
        return recorded_join(self._spec, self._recorded_options or {})

    def _as_shown(self, observations: Parts, title: str) -> NDArray[Any]:
        if self._environments is None:
            raise UserError(
                f"{title} has observations in parts ({listed(observations)}), and {self._spec.name} does not say how "
                "they go together; name them by observation_keys=, in the order in which the policy gets them"
            )
        try:
            return self._environments(observations)
        except (KeyError, IndexError, ValueError, TypeError) as problem:
            raise UserError(
                f"{title} has observations in parts {listed(observations)}, which are not those of {self._spec.name}; "
                "name them by observation_keys=, or another environment"
            ) from problem

    def _chosen(self, observations: Parts, title: str) -> NDArray[Any]:
        leaves = dict(_leaves(observations))
        for key in self._keys:
            if key not in leaves:
                raise UserError(f"{title} has no observations called {key}, only {listed(observations)}")
        try:
            rows = [np.asarray(leaves[key], dtype=np.float64) for key in self._keys]
            return np.concatenate([part.reshape(len(part), -1) for part in rows], axis=1)
        except (ValueError, TypeError) as problem:
            raise UserError(
                f"{title} has observations {', '.join(self._keys)} that do not make one vector of numbers a step"
            ) from problem


def listed(observations: Parts) -> str:
    """The names of the parts, each with its width."""
    return ", ".join(f"{key} ({'×'.join(map(str, np.shape(part)[1:])) or 1})" for key, part in _leaves(observations))


def _leaves(observations: Parts, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, part in observations.items():
        if isinstance(part, Mapping):
            yield from _leaves(part, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", part
