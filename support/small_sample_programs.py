"""Small programs of networks that are given samples: spikes and currents in, recurrent, every kind of threshold."""

from __future__ import annotations

import numpy as np

from neuro_runtime.program.nodes import BiasLine, CurrentInput, Dense, Injection, Lif, Node, Sparse, SpikeInput
from neuro_runtime.program.sample import HostMap, SampleEncoder, SampleOutput, SampleProgram


def random_sample_program(seed: int, steps: int, *, values: bool) -> SampleProgram:
    """A layer that is fed spikes or currents and feeds itself, and one that reads it: 6 -> 9 -> 5 neurons."""
    random = np.random.default_rng(seed)

    def weights(targets: int, sources: int) -> np.ndarray:
        return (2 * random.integers(-60, 61, (targets, sources))).astype(np.int32)

    hidden = Lif("hidden", 9, int(random.integers(0, 4096)), int(random.integers(0, 4096)), 40, bool(seed % 2))
    output = Lif("output", 5, 4095, 0, int(random.integers(20, 90)), bool(seed % 3))
    fed: Node = CurrentInput("current", 9) if values else SpikeInput("input", 6)
    chosen = np.arange(5, dtype=np.int32)
    listed = Sparse("hidden", "output", chosen + 4, chosen, weights(5, 1)[:, 0], chosen % 3, exponent=1)
    into = Injection("current", "hidden") if values else Dense("input", "hidden", weights(9, 6), exponent=0)
    rows, columns = np.nonzero(np.ones((9, 6)))
    maps = (
        HostMap(
            "current",
            columns.astype(np.int32),
            rows.astype(np.int32),
            random.normal(size=54),
            random.normal(size=9),
            delay=1,
            scale=20.0,
            largest=np.full(9, 500.0),
        ),
    )
    return SampleProgram(
        arithmetic="loihi",
        active_steps=steps,
        period=steps,
        nodes=(fed, BiasLine("bias"), hidden, output),
        connections=(
            into,
            Dense("hidden", "hidden", weights(9, 9), exponent=-1),
            Dense("bias", "output", weights(5, 1), delay=1),
            Dense("hidden", "output", weights(5, 9)),
            listed,
        ),
        encoder=SampleEncoder("values" if values else "spikes", (2, 3), maps if values else ()),
        outputs=(
            SampleOutput("output", "spikes", np.arange(5, dtype=np.int32), 2),
            SampleOutput("hidden", "membrane", np.arange(5, 14, dtype=np.int32), 1),
        ),
        output_shape=(14,),
        name="small",
    )
