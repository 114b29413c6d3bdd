#!/usr/bin/env bash
# Below an exponent of -1 two public emulators of Loihi give the same synapses different currents: Lava's Dense shifts
# the sum of a time step, nengo-loihi rounds each weight.
#
# Versions: lava-nc 0.10.0, nengo-loihi 1.1.0 with nengo 3.2.0, numpy 1.26.4, Python 3.10.
# Behaviour: four weights of 2 with exponent -2 whose sources all spike. Lava: 8 >> 2 = 2. nengo-loihi: each weight is
#   discretised to 0, with a warning "Lost 1 extra bits in weight rounding"; the sum is 0.
# Seen: "lava 2 nengo-loihi 0". The script fails if that changes.
# Use: PYTHON=python3.10 findings/negative_exponent_shifts_sum_or_each_weight.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.10}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q lava-nc==0.10.0 nengo==3.2.0 nengo-loihi==1.1.0 numpy==1.26.4
cat > "$work/exponent.py" <<'PYTHON'
import warnings

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF
from lava.utils.weightutils import SignMode
from nengo_loihi.block import SynapseConfig
from nengo_loihi.builder.discretize import discretize_weights

warnings.simplefilter("ignore")
WEIGHTS, EXPONENT = np.full((1, 4), 2), -2


def lava():
    source = RingBuffer(data=np.ones((4, 1), dtype=int))
    synapses = Dense(weights=WEIGHTS, weight_exp=EXPONENT, num_weight_bits=8, sign_mode=SignMode.MIXED)
    neuron = LIF(shape=(1,), du=4095, dv=0, vth=131071)
    source.s_out.connect(synapses.s_in)
    synapses.a_out.connect(neuron.a_in)
    neuron.run(RunSteps(2), Loihi2SimCfg(select_tag="fixed_pt"))
    current = int(neuron.u.get()[0]) >> 6
    neuron.stop()
    return current


def nengo_loihi():
    format_ = SynapseConfig(weight_bits=7, fanout_type=1, weight_exp=EXPONENT)
    return int(discretize_weights(format_, WEIGHTS.astype(np.float32)).sum()) >> 6


if __name__ == "__main__":
    print("lava", lava(), "nengo-loihi", nengo_loihi())
PYTHON
"$work/venv/bin/python" "$work/exponent.py" | tee "$work/seen"
grep -qxF 'lava 2 nengo-loihi 0' "$work/seen"
echo "as described"
