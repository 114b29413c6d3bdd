#!/usr/bin/env bash
# nengo-loihi's discretisation never gives the smallest weight of Loihi's mixed sign: it turns -256 into -254.
#
# Versions: nengo-loihi 1.1.0 with nengo 3.2.0, numpy 1.26.4, Python 3.10.
# Behaviour: with 8 bits of mixed sign, mantissas are even and go from -256 to 254 (Lava keeps -256). discretize_weights
#   clips magnitudes at 254, so a layer whose integers are right already changes on its way in, without a word.
# Seen: "[-256 -254 -2 254] becomes [-254 -254 -2 254]". The script fails if that changes.
# Use: PYTHON=python3.10 findings/nengo_loihi_rounds_weight_minus_256.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.10}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q nengo==3.2.0 nengo-loihi==1.1.0 numpy==1.26.4
cat > "$work/weights.py" <<'PYTHON'
import numpy as np
from nengo_loihi.block import SynapseConfig
from nengo_loihi.builder.discretize import discretize_weights

format_ = SynapseConfig(weight_bits=7, fanout_type=1, weight_exp=0)
given = np.array([-256, -254, -2, 254])
scaled = given.astype(np.float32)
seen = discretize_weights(format_, scaled.copy())
print(given, "becomes", seen // 2 ** format_.real_weight_exp)
PYTHON
"$work/venv/bin/python" "$work/weights.py" | tee "$work/seen"
grep -qxF '[-256 -254   -2  254] becomes [-254 -254   -2  254]' "$work/seen"
echo "as described"
