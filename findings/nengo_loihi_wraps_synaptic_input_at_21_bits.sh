#!/usr/bin/env bash
# What arrives at a compartment in one time step: nengo-loihi's emulator adds it up in 21 bits and a sign, and wraps;
# Lava's fixed-point LIF keeps it. Both are public emulators of Loihi.
#
# Versions: lava-nc 0.10.0, nengo-loihi 1.1.0 with nengo 3.2.0, numpy 1.26.4, Python 3.10.
# Behaviour: 2^15 weight units (2^21 after the shift by 6) arrive at a neuron at rest. nengo-loihi, in int32 mode:
#   u = -2097152, and a warning "Overflow in q0" (an error only if EmulatorInterface.strict is True). Lava: u = 2097152.
#   One unit less gives 2097088 in both.
# Seen: "nengo-loihi 2097088 -2097152" and "lava 2097088 2097152". The script fails if that changes.
# Use: PYTHON=python3.10 findings/nengo_loihi_wraps_synaptic_input_at_21_bits.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.10}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q lava-nc==0.10.0 nengo==3.2.0 nengo-loihi==1.1.0 numpy==1.26.4
cat > "$work/wrap.py" <<'PYTHON'
import warnings

import numpy as np
from lava.proc.lif.models import PyLifModelBitAcc
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.inputs import SpikeInput

warnings.simplefilter("ignore")


def nengo_loihi(arriving):
    model, block = Model(dt=0.001), LoihiBlock(1)
    for name, value in (("decay_u", 4095), ("decay_v", 4095), ("vth", 131071 << 6), ("bias", 0), ("refract_delay", 1)):
        setattr(block.compartment, name, np.full(1, value, np.int32))
    vars(block.compartment).update(scale_u=False, scale_v=False, vmin=1 - 2**23, vmax=2**23 - 1)
    synapse, spikes, axon = Synapse(1), SpikeInput(1), Axon(1)
    synapse.format(weight_bits=7, fanout_type=1)
    synapse.indices, synapse.weights = [np.zeros((1, 1), np.int32)], [np.full((1, 1), arriving << 6, np.int32)]
    block.add_synapse(synapse)
    axon.target = synapse
    axon.set_compartment_axon_map(np.arange(1))
    spikes.add_axon(axon)
    model.add_block(block)
    model.add_input(spikes)
    emulator = EmulatorInterface(model, seed=0)
    emulator.step()
    spikes.add_spikes(1, [0])
    emulator.step()
    return int(emulator.compartment.current[0])


def lava(arriving):
    parameters = {"shape": (1,), "du": 4095, "dv": 4095, "vth": 131071, "bias_mant": 0, "bias_exp": 0}
    model = PyLifModelBitAcc(parameters)
    model.u, model.v = np.zeros(1, np.int32), np.zeros(1, np.int32)
    model.du, model.dv, model.vth = 4095, 4095, 131071
    model.bias_mant, model.bias_exp = np.zeros(1, np.int32), np.zeros(1, np.int32)
    model.effective_bias = np.zeros(1, np.int32)
    model.subthr_dynamics(np.full(1, arriving, np.int32))
    return int(model.u[0])


print("nengo-loihi", nengo_loihi(2**15 - 1), nengo_loihi(2**15))
print("lava", lava(2**15 - 1), lava(2**15))
PYTHON
"$work/venv/bin/python" "$work/wrap.py" | tee "$work/seen"
printf 'nengo-loihi 2097088 -2097152\nlava 2097088 2097152\n' | diff - "$work/seen"
echo "as described"
