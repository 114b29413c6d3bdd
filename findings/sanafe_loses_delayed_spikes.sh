#!/usr/bin/env bash
# A synapse with a delay in SANA-FE's description of Loihi brings its current only if another spike reaches the same
# neuron at the right time: the dendrite that keeps it is looked at when a message arrives, and else not.
# Delays above 5 time steps are refused.
#
# Versions: sanafe 2.2.9, Python 3.10.
# Behaviour: neuron a spikes in time step 1; its synapse of weight 2 goes into b, threshold 1. On the plain dendrite b spikes
#   in step 2. On loihi_dendrites_delay it never does, at delay 0 nor 1, unless c spikes in step 3 through a synapse of
#   weight 0: then b spikes in step 4. Delay 6 is refused at load.
#   An input's spikes must be given as model_attributes: as soma_attributes they are dropped without a word.
# Seen: the lines below. The script fails if that changes.
# Use: PYTHON=python3.10 findings/sanafe_loses_delayed_spikes.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.10}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q sanafe==2.2.9
cat > "$work/delay.py" <<'PYTHON'
import os
import sys

import sanafe

answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # SANA-FE prints on stdout


def spikes_of_b(delay, dendrite, c_spikes=()):
    architecture, network = sanafe.load_loihi(), sanafe.Network()
    core = architecture.tiles[0].cores[0]
    sources = network.create_neuron_group("sources", 2, log_spikes=True)
    for number, times in enumerate(([1], c_spikes)):
        sources[number].set_attributes(
            soma_hw_name=f"loihi_inputs[{number}]", model_attributes={"spikes": [t in times for t in range(1, 10)]}
        )
        sources[number].map_to_core(core)
    b = network.create_neuron_group(
        "b", 1, model_attributes={"threshold": 1.0, "leak_decay": 0.0}, soma_hw_name="loihi_lif",
        default_dendrite_hw_name=dendrite, log_spikes=True,
    )
    b[0].map_to_core(core)
    sources[0].connect_to_neuron(b[0], {"weight": 2.0, "delay": delay})
    sources[1].connect_to_neuron(b[0], {"weight": 0.0, "delay": 0})
    chip = sanafe.SpikingChip(architecture)
    chip.load(network)
    trace = chip.sim(9, spike_trace=True)["spike_trace"]
    return [step for step, fired in enumerate(trace, 1) if any(neuron.group_name == "b" for neuron in fired)]


late = "loihi_dendrites_delay"
print("plain, delay 0:", spikes_of_b(0, "loihi_dendrites"), file=answers)
print("delay 0:", spikes_of_b(0, late), file=answers)
print("delay 1:", spikes_of_b(1, late), file=answers)
print("delay 1, c in step 3:", spikes_of_b(1, late, [3]), file=answers)
try:
    spikes_of_b(6, late)
except RuntimeError as error:
    print("delay 6:", str(error).strip(), file=answers)
PYTHON
"$work/venv/bin/python" "$work/delay.py" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
plain, delay 0: [2]
delay 0: []
delay 1: []
delay 1, c in step 3: [4]
delay 6: Error: delay > max delay
SEEN
echo "as described"
