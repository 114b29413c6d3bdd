"""netx files in lava-dl's own reader on Lava's simulator: run by the Python of its environment.

    python lava_dl_worker.py FOLDER

FOLDER has for each network ``NAME.net`` and ``NAME.npy``, spikes (features, time steps); ``NAME.out.npy`` becomes what
comes out, (outputs, time steps). lava-dl's reader needs no PyTorch, but its package imports it: empty modules stand in.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

ABSENT = ("torch", "torch.nn", "torch.nn.functional", "lava.lib.dl.slayer", "lava.lib.dl.slayer.neuron")
RESONATE_AND_FIRE = "lava.lib.dl.slayer.neuron.rf"


class Empty(ModuleType):
    """A module in which every name is a class of nothing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def main(folder: Path) -> None:
    """Run every file of ``folder``."""
    for name in (*ABSENT, RESONATE_AND_FIRE):
        sys.modules[name] = Empty(name)
    sys.modules["torch"].__dict__.update({"nn": sys.modules["torch.nn"], "cuda": SimpleNamespace()})
    for path in sorted(folder.glob("*.net")):
        np.save(path.with_suffix(".out.npy"), run(path, np.load(path.with_suffix(".npy"))))


def run(path: Path, spikes: Any) -> Any:
    """The spikes that come out, (outputs, time steps)."""
    import lava.lib.dl.netx.hdf5 as netx
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc import io

    steps = spikes.shape[1]
    network = netx.Network(
        net_config=str(path), reset_interval=2 * steps, reset_offset=1
    )  # each layer when its first input comes
    source = io.source.RingBuffer(data=spikes)
    sink = io.sink.RingBuffer(shape=network.out.shape, buffer=steps)
    source.s_out.connect(network.inp)
    network.out.connect(sink.a_in)
    network.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    given = sink.data.get()
    network.stop()
    return given


if __name__ == "__main__":
    main(Path(sys.argv[1]))
