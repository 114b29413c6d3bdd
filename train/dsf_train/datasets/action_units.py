"""The unit of a dataset's actions: their bounds, by which they are brought into −1 … 1 for training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dsf_common.errors import UserError
from dsf_common.hdf5_links import reading_hdf5
from dsf_train.datasets.demonstrations import NORMALISED, ORIGIN, RECORDED_EARLIER, UNIT_OF_ACTIONS
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.locate import DatasetLocation
from dsf_train.datasets.minari_metadata import read_metadata
from dsf_train.datasets.reading import Notes
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments import EnvironmentSpec
from neuro_runtime.environments.make import own_action_bounds

ROUNDING = 1e-5  # by which a bound may be passed, in −1 … 1: float32's
FEW = 0.5  # of the bounds: actions that reach no further may be in another unit


@dataclass(frozen=True)
class ActionUnits:
    """The unit that a dataset's actions are measured in.

    Attributes
    ----------
    data
        The bounds that become −1 … 1.
    policy
        The environment's own actions that −1 … 1 then stands for.
    source
        Who says so: ``given``, ``choices`` (of an environment that takes one of several), ``normalised file``,
        ``Minari``, ``D4RL``, ``environment``, or ``nobody``.
    clipped
        Actions beyond the bounds are clipped, as their environment did; else they are refused.
    """

    data: ActionBounds
    policy: ActionBounds
    source: str
    clipped: bool = False

    @property
    def is_assumed(self) -> bool:
        """Whether neither the dataset nor the user named the bounds."""
        return self.source in ("environment", "nobody")

    def assumption(self, spec: EnvironmentSpec, location: DatasetLocation) -> Iterator[str]:
        """A sentence on bounds that neither the dataset nor the user named."""
        if self.is_assumed:
            of_environment = f", as {spec.name} takes them" if self.source == "environment" else ""
            yield (
                f"{_title(location)} does not say the bounds of its actions: {self.data} is assumed{of_environment}; "
                "action_low= and action_high= say otherwise"
            )


def action_units(spec: EnvironmentSpec, location: DatasetLocation, given: ActionBounds | None = None) -> ActionUnits:
    """The unit of the actions in ``location``.

    Parameters
    ----------
    given
        The bounds that the user says.

    Raises
    ------
    UserError
        The bounds are of another number of actions, the dataset says its own, or parts of it disagree.
    """
    unit = ActionBounds.unit(spec.action_size)
    if spec.first_choice is not None:
        if given is not None:
            raise UserError(f"{spec.name} takes {spec.action_bounds}; leave out action_low and action_high")
        return ActionUnits(unit, ActionBounds.choices(spec.action_size, spec.first_choice), "choices")
    normalised = location.kind == "generated" or all(map(_is_normalised, location.paths))
    if given is not None and normalised:
        raise UserError(f"{_title(location)} says itself what its actions are; leave out action_low and action_high")
    if given is not None:
        given = _fitting(given.repeated(spec.action_size), spec, "action_low and action_high")
        return ActionUnits(given, given, "given")
    if normalised:
        return ActionUnits(unit, own_action_bounds(spec) or unit, "normalised file")
    stated = {bounds for path in location.paths if path.is_dir() and (bounds := read_metadata(path).action_bounds)}
    if len(stated) > 1:
        raise UserError(f"the parts of {_title(location)} have actions of different bounds; pass one with dataset=")
    for bounds in stated:
        return ActionUnits(_fitting(bounds, spec, _title(location)), bounds, "Minari")
    if spec.is_d4rl:
        return ActionUnits(unit, unit, "D4RL", location.kind == "d4rl")
    own = own_action_bounds(spec)
    return ActionUnits(own or unit, own or unit, "environment" if own else "nobody")


def in_unit(episodes: Iterable[Episode], units: ActionUnits, title: str, notes: Notes) -> Iterator[Episode]:
    """``episodes`` with their actions in −1 … 1; ``notes`` gets, at the end, what is doubtful about them.

    Raises
    ------
    UserError
        At the end, where actions lay beyond the bounds: how many, the first, and the largest.
    """
    beyond = _Beyond(units.data)
    for number, episode in enumerate(episodes):
        actions = episode.actions if units.data.are_unit else units.data.to_unit(episode.actions).astype(np.float32)
        beyond.look_at(number, episode, actions)
        yield (
            replace(episode, actions=np.clip(actions, -1, 1))
            if beyond.any_in(actions)
            else replace(episode, actions=actions)
        )
    if beyond.count and not units.clipped:
        raise UserError(f"{title} has {beyond}; say the bounds of its actions by action_low= and action_high=")
    if beyond.count:
        notes.append(f"{title} has {beyond}; they are clipped, as D4RL's environments do")
    elif units.is_assumed and beyond.largest < FEW:
        notes.append(
            f"the actions of {title} reach {100 * beyond.largest:.0f} % of their bounds, {units.data}; if they are in "
            "another unit, say theirs by action_low= and action_high="
        )


class _Beyond:
    """Actions beyond the bounds, counted over episodes."""

    def __init__(self, bounds: ActionBounds) -> None:
        self._bounds = bounds
        self.count = self.total = 0
        self.largest = 0.0  # in −1 … 1
        self._first = ""
        self._worst = 0.0  # in the data's unit

    def any_in(self, actions: np.ndarray[Any, Any]) -> bool:
        """Whether one of ``actions``, meant for −1 … 1, is beyond it by however little."""
        return bool((np.abs(actions) > 1).any())

    def look_at(self, number: int, episode: Episode, actions: np.ndarray[Any, Any]) -> None:
        """Take an episode into account."""
        sizes = np.abs(actions)
        largest = float(sizes.max())
        if largest > max(1 + ROUNDING, self.largest):
            self._worst = float(episode.actions.reshape(-1)[int(sizes.argmax())])
        beyond = np.flatnonzero((sizes > 1 + ROUNDING).any(axis=1))
        if len(beyond) and not self.count:
            self._first = f"the first in step {beyond[0]} of episode {number}"
        self.count += len(beyond)
        self.total += len(actions)
        self.largest = max(self.largest, largest)

    def __str__(self) -> str:
        """How many, where, and the largest."""
        return (
            f"{self.count:,} of {self.total:,} actions beyond {self._bounds}, {self._first}, the largest "
            f"{self._worst:g}"
        )


def _fitting(bounds: ActionBounds, spec: EnvironmentSpec, title: str) -> ActionBounds:
    if len(bounds.low) != spec.action_size:
        raise UserError(f"{title} bound {len(bounds.low)} actions, {spec.name} has {spec.action_size}")
    return bounds


def _title(location: DatasetLocation) -> str:
    return " + ".join(map(str, location.paths))


def _is_normalised(path: Path) -> bool:
    """Whether a file says that its actions are in −1 … 1 already, as those that this project records do."""
    if not path.is_file():
        return False
    try:
        with reading_hdf5(path) as file:
            unit, origin = (file[name][()] if name in file else b"" for name in (UNIT_OF_ACTIONS, ORIGIN))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return False  # its reader says what is wrong
    return bool(unit == NORMALISED.encode() or (unit == b"" and origin in RECORDED_EARLIER))
