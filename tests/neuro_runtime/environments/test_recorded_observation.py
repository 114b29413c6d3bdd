"""Recorded observations become what the environment's own wrapper shows."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.environments.recorded_observation import flat_rows, recorded_join

BOX = spaces.Box(-1, 1, (2,))
SPACES: dict[str, spaces.Space[Any]] = {
    "vector": spaces.Box(-1, 1, (3,), np.float64),
    "one number": spaces.Box(-1, 1, ()),
    "whole number": spaces.Discrete(4, start=-1),
    "whole numbers": spaces.MultiDiscrete([2, 3]),
    "bits": spaces.MultiBinary(3),
    "parts": spaces.Dict({"b": BOX, "a": spaces.Discrete(3)}),
    "parts in an order of their own": spaces.Dict(OrderedDict([("z", BOX), ("a", spaces.Box(0, 1, (1,)))])),
    "parts of parts": spaces.Dict({"inner": spaces.Dict({"y": BOX, "x": BOX}), "a": BOX}),
    "a pair": spaces.Tuple([BOX, spaces.Discrete(2)]),
}


def recorded(space: spaces.Space[Any], samples: list[Any]) -> Any:
    """Samples as Minari keeps them: a column a part, parts by name."""
    if isinstance(space, spaces.Dict):
        return {key: recorded(inner, [one[key] for one in samples]) for key, inner in sorted(space.spaces.items())}
    if isinstance(space, spaces.Tuple):
        return {
            f"_index_{place}": recorded(inner, [one[place] for one in samples])
            for place, inner in enumerate(space.spaces)
        }
    return np.array(samples)


@pytest.mark.parametrize("name", SPACES)
def test_rows_are_flattened_as_gymnasium_flattens_each(name: str) -> None:
    space = SPACES[name]
    space.seed(0)
    samples = [space.sample() for _ in range(5)]
    expected = np.stack([np.asarray(spaces.flatten(space, one)) for one in samples])
    np.testing.assert_array_equal(flat_rows(space, recorded(space, samples)), expected)


@pytest.mark.parametrize("number", [4, -2, 0.5])
def test_a_number_that_is_none_of_the_space_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="none of 4"):
        flat_rows(spaces.Discrete(4), np.array([0, number]))


@pytest.mark.parametrize("name", ["PointMaze_UMazeDense-v3", "antmaze-umaze"])
def test_a_maze_is_joined_as_it_is_shown(name: str) -> None:
    pytest.importorskip("gymnasium_robotics")
    join = recorded_join(load_environment_spec(name), {})
    assert join is not None
    with make_environment(name) as shown:
        observation, _ = shown.reset(seed=3)
    raw = raw_observation(name, seed=3)
    np.testing.assert_allclose(join({key: value[None] for key, value in raw.items()})[0], observation)


def raw_observation(name: str, seed: int) -> Any:
    """The observation in parts that the environment begins with."""
    from neuro_runtime.environments.make import make_plain

    spec = load_environment_spec(name)
    with make_plain(spec.gymnasium_id, **spec.options) as plain:
        return plain.reset(seed=seed)[0]
