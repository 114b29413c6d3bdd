#!/usr/bin/env bash
# A synapse of weight -256 and exponent 7 brings -(2^21 - 64) in brian2-loihi and -2^21 in Lava's and nengo-loihi's weights:
# brian2-loihi clips each synapse to 2^21 - 64 either way. What several synapses bring together it does not limit.
#
# Versions: brian2-loihi 0.5.2 with brian2 2.9.0, numpy 1.26.4, Python 3.10.
# Seen: "-2097088 2080768 -4194176": one synapse of -256, one of 254, two of -256. The script fails if that changes.
# Use: PYTHON=python3.10 findings/brian2_loihi_clips_one_synapse_at_21_bits.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.10}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q brian2-loihi==0.5.2 brian2==2.9.0 numpy==1.26.4
cat > "$work/clip.py" <<'PYTHON'
import numpy as np
from brian2 import prefs
from brian2_loihi import (
    LoihiNetwork,
    LoihiNeuronGroup,
    LoihiSpikeGeneratorGroup,
    LoihiStateMonitor,
    LoihiSynapses,
    synapse_sign_mode,
)

prefs.codegen.target = "numpy"


def brought(*weights):
    neuron = LoihiNeuronGroup(1, threshold_v_mant=131071, decay_v=4096, decay_I=4096)
    sources = LoihiSpikeGeneratorGroup(len(weights), np.arange(len(weights)), np.ones(len(weights), int))
    synapses = LoihiSynapses(sources, neuron, w_exp=7, sign_mode=synapse_sign_mode.MIXED)
    synapses.connect()
    synapses.w = np.array(weights)
    current = LoihiStateMonitor(neuron, "I", record=True)
    LoihiNetwork(neuron, sources, synapses, current).run(3)
    return int(max(np.array(current.I)[0], key=abs))


print(brought(-256), brought(254), brought(-256, -256))
PYTHON
"$work/venv/bin/python" "$work/clip.py" | tee "$work/seen"
echo "-2097088 2080768 -4194176" | diff - "$work/seen"
echo "as described"
