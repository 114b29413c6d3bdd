"""How a network that is given samples steers: a small YAML beside its program, ``NAME.loop.yaml``.

    environment: pendulum
    encoder: {code: value, steps: 16, mean: [0, 0, 0], std: [1, 1, 4]}
    readout: {from: sum, scale: 0.1}

The encoder's codes, of an observation x = clip((observation − mean) / std, ±clip), for T = ``steps`` time steps:

- ``value``: x itself, held;
- ``rate``: spikes, in each step with the probability (x + clip) / (2·clip);
- ``latency``: one spike, the earlier the larger x, at step ``rint((1 − (x + clip) / (2·clip))·(T − 1))``;
- ``population``: ``neurons`` spiking inputs an entry, with the probability ``exp(−½((x − c)/w)²)`` of fields whose
  centres c lie evenly in ±clip, w apart.

The readout makes an action in −1 … 1 of the output's rows: their ``sum`` (spike counts), the ``mean`` or the ``last``
row (membranes), each ``clip(scale·y + offset, ±1)``; or ``argmax``, a choice. ``carry: true`` keeps the state from
decision to decision; outputs then come late by the network's depth, within and across decisions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_common.files import require_readable
from dsf_common.validation import first_problem
from neuro_runtime.policy_files import PROGRAM_SUFFIX

SUFFIX = ".loop.yaml"
STRICT = ConfigDict(extra="forbid")
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, config=STRICT)
class LoopEncoder:
    """From an observation to a sample; see the module's text."""

    code: Literal["value", "rate", "latency", "population"]
    steps: Annotated[int, Field(ge=1, le=10_000)]
    mean: tuple[Finite, ...]
    std: tuple[Positive, ...]
    clip: Positive = 3.0
    neurons: Annotated[int, Field(ge=2, le=1000)] = 8
    seed: int = 0

    def sample(self, observation: NDArray[Any], random: np.random.Generator) -> NDArray[np.float64]:
        """The rows (T, inputs) of one observation."""
        scaled: NDArray[np.float64] = np.clip(
            (observation - np.array(self.mean)) / np.array(self.std), -self.clip, self.clip
        )
        share = (scaled + self.clip) / (2 * self.clip)
        match self.code:
            case "value":
                return np.tile(scaled, (self.steps, 1))
            case "rate":
                spikes = random.random((self.steps, len(share))) < share
            case "latency":
                when = np.rint((1 - share) * (self.steps - 1)).astype(int)
                spikes = np.arange(self.steps)[:, None] == when
            case "population":
                centres = np.linspace(-self.clip, self.clip, self.neurons)
                width = centres[1] - centres[0]
                active = np.exp(-0.5 * ((scaled[:, None] - centres) / width) ** 2).reshape(-1)
                spikes = random.random((self.steps, len(active))) < active
        return np.asarray(spikes, dtype=np.float64)


@dataclass(frozen=True, config=STRICT)
class LoopReadout:
    """From an output's rows to an action; see the module's text."""

    kind: Annotated[Literal["sum", "mean", "last", "argmax"], Field(alias="from")]
    scale: Finite = 1.0
    offset: Finite = 0.0

    def action(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The action, (outputs,), in −1 … 1."""
        flat = rows.reshape(len(rows), -1)
        match self.kind:
            case "sum" | "argmax":
                value = flat.sum(axis=0)
            case "mean":
                value = flat.mean(axis=0)
            case "last":
                value = flat[-1]
        if self.kind == "argmax":
            return np.where(np.arange(len(value)) == value.argmax(), 1.0, -1.0)
        action: NDArray[np.float64] = np.clip(self.scale * value + self.offset, -1, 1)
        return action


@dataclass(frozen=True, config=STRICT)
class LoopSpec:
    """The file's content."""

    environment: str
    encoder: LoopEncoder
    readout: LoopReadout
    carry: bool = False


def loop_file(program: Path) -> Path:
    """The file that belongs to a program."""
    return program.with_name(program.name.removesuffix(PROGRAM_SUFFIX) + SUFFIX)


def load_loop(path: Path) -> LoopSpec:
    """Read a file.

    Raises
    ------
    UserError
        It is missing, no YAML, or a key or value in it is not known.
    """
    require_readable(
        path, f"there is no {path}, which says how the network steers (encoder, readout): see docs/importing.md"
    )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(LoopSpec).validate_python(content)
    except ValidationError as problem:
        raise UserError(f"{path}: {first_problem(problem)}") from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise UserError(f"{path} is not readable YAML") from problem
