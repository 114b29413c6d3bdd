#!/usr/bin/env bash
# With reset_mechanism="zero", snnTorch's Synaptic (and RLeaky, RSynaptic) holds the membrane at 0 for the whole step after
# a spike and loses that step's input, while Leaky resets at once and counts it. NIR files of both look alike.
#
# Versions: snnTorch 1.0.0, torch 2.13.0, Python 3.11.
# Seen: after a spike in the first step, an input of 0.5 gives v = 0.5 in Leaky and 0.0 in Synaptic without synaptic memory.
# The script fails if that changes.
# Use: PYTHON=python3.11 findings/snntorch_reset_to_zero_loses_a_step.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q snntorch==1.0.0 torch==2.13.0
cat > "$work/show.py" <<'PYTHON'
import snntorch as snn
import torch


def membranes(layer):
    rows = []
    for current in (2.0, 0.5, 0.5):
        layer(torch.tensor([[current]]))
        rows.append(round(float(layer.mem), 3))
    return rows


print("Leaky", membranes(snn.Leaky(0.5, init_hidden=True, reset_mechanism="zero")))
print("Synaptic", membranes(snn.Synaptic(0.0, 0.5, init_hidden=True, reset_mechanism="zero")))
PYTHON
cd "$work"
venv/bin/python show.py 2> "$work/errors" | grep -E "^(Leaky|Synaptic)" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
Leaky [2.0, 0.5, 0.75]
Synaptic [2.0, 0.0, 0.5]
SEEN
echo "as described"
