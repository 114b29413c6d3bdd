"""How a user wants a dataset to be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from dsf_common.comma_lists import names_of
from dsf_common.errors import UserError
from neuro_runtime.action_bounds import ActionBounds


class Unfinished(Enum):
    """The steps after the last end mark of a record, whose episode has no known return."""

    drop = "drop"  # left out
    keep = "keep"  # taken as an episode that a time limit cut: its return-to-go counts the recorded rewards alone


@dataclass(frozen=True)
class DatasetOptions:
    """Facts that a dataset does not say itself, and choices of how to read it.

    Attributes
    ----------
    action_bounds
        The bounds of its actions, where the user says them.
    unfinished
        What becomes of steps after the last end mark.
    observation_keys
        The parts of its observations, in the order in which a policy sees them; none given means as the environment
        joins them. A part within a part is ``outer/inner``.
    """

    action_bounds: ActionBounds | None = None
    unfinished: Unfinished = Unfinished.drop
    observation_keys: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        action_low: str | None = None,
        action_high: str | None = None,
        unfinished: Unfinished = Unfinished.drop,
        observation_keys: str | None = None,
    ) -> DatasetOptions:
        """Options as they are written on a command line: numbers and names with commas between.

        Raises
        ------
        UserError
            One bound is given without the other, they are no bounds, or a part is named twice.
        """
        keys = () if observation_keys is None else names_of("observation_keys", observation_keys.strip("[] "))
        return cls(_action_bounds(action_low, action_high), unfinished, keys)


def _action_bounds(low: str | None, high: str | None) -> ActionBounds | None:
    if low is None and high is None:
        return None
    if low is None or high is None:
        raise UserError("action_low and action_high go together; give both.")
    return ActionBounds(_numbers("action_low", low), _numbers("action_high", high))


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(map(float, text.strip("[] ").split(",")))
    except ValueError as problem:
        raise UserError(f"{name}={text} must be a number, or one an action with commas between.") from problem
