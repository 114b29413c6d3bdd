"""A program small enough to follow by hand, a backend that only listens, and an environment that only counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from neuro_runtime.activity import Activity
from neuro_runtime.backends.base import Decision
from neuro_runtime.program.nodes import Accumulator, BiasLine, CurrentInput, Dense, Injection, Lif
from neuro_runtime.program.program import HostEncoder, HostReadout, Program
from neuro_runtime.program.storage import save_program
from neuro_runtime.token import Token
from support.small_programs import BETA, CLEARED, make_program

ACTIVITY = Activity(
    spikes={"input": 3, "hidden": 0},
    neuron_steps={"input": 12, "hidden": 20},
    synops={"hidden": 30, "action": 0},
    time_steps=6,
    host_macs=40,
    idle_neuron_steps=16,
)


class ListeningBackend:
    """Takes three numbers, always answers 2.0 (beyond the actuator's range), and remembers what it was told."""

    environment = "pendulum"
    return_target = -100.0
    observation_size = 3
    action_size = 1

    def __init__(self) -> None:
        self.tokens: list[Token] = []
        self.resets = 0
        self.closed = False

    def reset(self) -> None:
        self.resets += 1

    def decide(self, token: Token) -> Decision:
        self.tokens.append(token)
        return Decision(np.array([2.0]), ACTIVITY)

    def close(self) -> None:
        self.closed = True


class CountingEnvironment(gymnasium.Env[NDArray[np.float64], NDArray[np.float32]]):
    """Three steps that earn 1, 2 and 3; its picture grows whiter."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float64)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    render_mode = "rgb_array"

    def __init__(self) -> None:
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
        self.seeds: list[int | None] = []
        self.actions: list[NDArray[np.float32]] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        self.seeds.append(seed)
        self.time = 0
        return np.zeros(3), {}

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        self.actions.append(action)
        self.time += 1
        return np.full(3, float(self.time)), float(self.time), False, self.time == 3, {}

    def render(self) -> NDArray[np.uint8]:
        return np.full((32, 48, 3), 60 * self.time, np.uint8)


def tiny_program() -> Program:
    """A float program with the pendulum's widths: token (2) -> input (2) -> hidden (3) -> action (1), T = 2, P = 6."""
    return Program(
        arithmetic="float",
        active_steps=2,
        period=6,
        nodes=(
            CurrentInput("token", 2),
            BiasLine("bias"),
            Lif("input", 2, current_decay=1.0, voltage_decay=0.75, threshold=0.5),
            Lif("hidden", 3, current_decay=1.0, voltage_decay=0.75, threshold=0.5),
            Accumulator("action", 1),
        ),
        connections=(
            Injection("token", "input"),
            Dense("input", "hidden", np.ones((3, 2))),
            Dense("bias", "hidden", np.zeros((3, 1))),
            Dense("hidden", "action", np.full((1, 3), 0.1)),
        ),
        encoder=HostEncoder(
            weight=np.ones((2, 5)),
            bias=np.array([1.0, -1.0]),
            norm_weight=np.ones(2),
            norm_bias=np.zeros(2),
            norm_epsilon=1e-5,
            state_mean=np.zeros(3),
            state_std=np.ones(3),
            return_scale=100.0,
            input_scale=1.0,
        ),
        readout=HostReadout(inverse_scale=np.ones(1), weight=np.zeros((1, 2)), bias=np.zeros(1)),
        environment="pendulum",
        return_target=-100.0,
    )


def tiny_loihi_program() -> Program:
    """The same layers in Loihi's integers; both spiking ones fire at the counting environment's tokens."""
    return make_program(
        [
            CurrentInput("token", 2),
            BiasLine("bias"),
            Lif("input", 2, CLEARED, BETA, 100),
            Lif("hidden", 3, CLEARED, BETA, 100),
            Accumulator("action", 1),
        ],
        [
            Injection("token", "input"),
            Dense("input", "hidden", np.full((3, 2), 120)),
            Dense("bias", "hidden", np.full((3, 1), 60), delay=1),
            Dense("hidden", "action", np.full((1, 3), 20)),
        ],
        active_steps=2,
        period=20,
    )


def write_tiny_program(folder: Path) -> Path:
    """The tiny program as a file."""
    path = folder / "tiny.dsf.h5"
    save_program(tiny_program(), path)
    return path
