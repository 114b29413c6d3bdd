#!/usr/bin/env bash
# sinabs writes a LIF with a synaptic current (tau_syn) as a NIR LIF, which has none, and says nothing: with it and without
# it the node is the same, while the neurons fire 230 and 51 spikes for one input. Whoever reads the file cannot know.
#
# Versions: sinabs 3.1.3, nir 1.0.4, nirtorch 1.0, torch 2.13.0, Python 3.11.
# Seen: "without LIF 51 spikes", "with LIF 230 spikes", "the same node True". The script fails if that changes.
# Use: PYTHON=python3.11 findings/sinabs_writes_no_synaptic_time_constant.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q sinabs==3.1.3 nir==1.0.4 nirtorch==1.0 torch==2.13.0
cat > "$work/show.py" <<'PYTHON'
import torch
from sinabs.layers import LIFSqueeze
from sinabs.nir import to_nir

one = torch.ones(3)


def written(tau_syn):
    torch.manual_seed(0)
    neurons = LIFSqueeze(tau_mem=10 * one, tau_syn=tau_syn, spike_threshold=one, batch_size=1, norm_input=False)
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), neurons)
    network[0].weight.data.abs_()
    spikes = int(network((torch.rand(40, 2, generator=torch.Generator().manual_seed(0)) < 0.5).float()).sum())
    neurons.reset_states()
    node = to_nir(network, torch.zeros(1, 2)).nodes["1"]
    return type(node).__name__, spikes, [getattr(node, name).tolist() for name in ("tau", "r", "v_leak", "v_threshold")]


without, kept = written(None), written(5 * one)
print("without", *without[:2], "spikes")
print("with", *kept[:2], "spikes")
print("the same node", without[2] == kept[2])
PYTHON
cd "$work"
venv/bin/python show.py 2> "$work/errors" | grep -E "^(without|with|the same)" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
without LIF 51 spikes
with LIF 230 spikes
the same node True
SEEN
echo "as described"
