#!/usr/bin/env bash
# lava-dl's reader of netx files finds 9 bits for weights that 8 bits of mixed sign do not hold, and Lava's synapses then
# bring nothing.
#
# Versions: lava-dl 0.6.0 with lava-nc 0.10.0, h5py 3.16.0, numpy 1.26.4, Python 3.10.
# Behaviour: beyond -128 … 127 mantissas of 8 bits are even. For an odd weight beside -254, optimize_weight_bits neither
#   rounds nor refuses: it says 9 bits, and Dense makes 0 of the odd weight, without a word. A recurrent layer's two matrices
#   are read together, so a large feedback silences odd weights of the input.
# Seen: a spike brings 0 of the weight 41 beside -254, 42 of 42 beside -254, 41 of 41 beside -128. The script fails if
#   that changes. lava-dl's package imports PyTorch, which its reader does not use: empty modules stand in.
# Use: PYTHON=python3.10 findings/lava_dl_loses_odd_weights_beside_large_ones.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.10}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q lava-nc==0.10.0 h5py==3.16.0 numpy==1.26.4
"$work/venv/bin/python" -m pip install -q --no-deps lava-dl==0.6.0
cat > "$work/weights.py" <<'PYTHON'
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace


class Empty(ModuleType):
    def __init__(self, name):
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


SLAYER = "lava.lib.dl.slayer"
for name in ("torch", "torch.nn", "torch.nn.functional", SLAYER, f"{SLAYER}.neuron", f"{SLAYER}.neuron.rf"):
    sys.modules[name] = Empty(name)
sys.modules["torch"].__dict__.update({"nn": sys.modules["torch.nn"], "cuda": SimpleNamespace()})

import numpy as np
from lava.lib.dl.netx.utils import optimize_weight_bits
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc import io
from lava.proc.dense.process import Dense

for row in ([41, -254], [42, -254], [41, -128]):
    weights, bits, exponent, sign = optimize_weight_bits(np.array([row]))
    dense = Dense(weights=weights, num_weight_bits=bits, weight_exp=exponent, sign_mode=sign)
    source, sink = io.source.RingBuffer(data=np.array([[1, 0, 0], [0, 0, 0]])), io.sink.RingBuffer(shape=(1,), buffer=3)
    source.s_out.connect(dense.s_in)
    dense.a_out.connect(sink.a_in)
    dense.run(condition=RunSteps(3), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    print(row, "bits", bits, "exponent", exponent, "a spike brings", sink.data.get().astype(int).ravel().tolist())
    dense.stop()
PYTHON
"$work/venv/bin/python" "$work/weights.py" 2> "$work/log" | tee "$work/seen" || { cat "$work/log"; exit 1; }
grep -qxF '[41, -254] bits 9 exponent 0 a spike brings [0, 0, 0]' "$work/seen"
grep -qxF '[42, -254] bits 8 exponent 0 a spike brings [0, 42, 0]' "$work/seen"
grep -qxF '[41, -128] bits 8 exponent -1 a spike brings [0, 41, 0]' "$work/seen"
echo "as described"
