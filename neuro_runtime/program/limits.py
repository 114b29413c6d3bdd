"""Numbers of Loihi's formats, each once: how wide a state, a decay, a threshold and a weight are.

The source is Lava, lava-nc 0.10.0: its fixed-point LIF (``lava/proc/lif/models.py``, ``AbstractPyLifModelFixed``), its
rule for weights (``lava/utils/weightutils.py``) and its Dense (``lava/proc/dense``); the tests compare our arithmetic
with it. The scripts of the Lava worker run in Lava's own Python, and `hw_profiles` stands below this package: what both
repeat of this page, tests hold equal to it.
"""

from __future__ import annotations

# States. u wraps and v saturates at 24 bits with the sign (`uv_bitwidth`, `max_uv_val`).
STATE_BITS = 24
STATE_LIMIT = 1 << (STATE_BITS - 1)
# Lava's models and loihi-fast compute in 32 bits with the sign.
LARGEST_WORD = 2**31 - 1

# Decays are shares lost in a time step, in 1/4096 (`decay_shift`, `decay_unity`).
DECAY_BITS = 12
DECAY_ONE = 1 << DECAY_BITS
LARGEST_DECAY = DECAY_ONE - 1
# A current loses one more 4096th than its decay says (`ds_offset`), a voltage does not (`dm_offset`).
CURRENT_DECAY_OFFSET = 1
# The decay of a current that lasts one time step.
CLEARED_CURRENT = DECAY_ONE - CURRENT_DECAY_OFFSET
# More time steps than any decay takes to bring a state at full scale to 0; the slowest takes some 34,000.
LONGEST_DECAY = 2**16

# Currents and thresholds are mantissas, shifted left before they meet a state (`act_shift`, `vth_shift`).
CURRENT_SHIFT = 6
LARGEST_THRESHOLD = 2**17 - 1
# The threshold of neurons that never spike: no 24-bit v exceeds it. It is one more than 17 bits hold.
NEVER_THRESHOLD = STATE_LIMIT >> CURRENT_SHIFT
# A current that the host injects; shifted, it is a state.
INJECTION_LIMIT = 2**17 - 1

# Weights of mixed sign (`SignMode.MIXED`) with N bits are the multiples of 2^(9 − N) from −256 to 256 − 2^(9 − N): with
# 8, even numbers (`truncate_weights`, `clip_weights`).
WEIGHT_BITS, FEWEST_WEIGHT_BITS = 8, 2
MANTISSA_SPAN = 512
SMALLEST_WEIGHT = -MANTISSA_SPAN // 2
LARGEST_WEIGHT = MANTISSA_SPAN // 2 - (MANTISSA_SPAN >> WEIGHT_BITS)
# A connection's power of two (`weight_exp`).
SMALLEST_EXPONENT, LARGEST_EXPONENT = -8, 7
# A bias gets this many bits at any weight width, in several synapses.
BIAS_BITS = 16

# AND neurons, our construction: n inputs of weight 64 against a threshold of 64n − 28, with both decays at their
# largest. They remember 1/4096 of a lone input, which together with n − 1 inputs stays below.
AND_WEIGHT = 64
AND_SLACK = 28
AND_DECAY = LARGEST_DECAY

# The portable subset (`neuro_runtime.program.portable`): where the public emulators of Loihi agree. The numbers are
# those of nengo-loihi 1.1.0 (`builder/discretize.py`), which was written with a Loihi 1 beside it. Nothing public says
# what a Loihi 2 does beyond them.
# The synaptic input of a neuron in a time step has 21 bits and a sign (`Q_BITS`), and wraps: as a mantissa, 15 bits.
ARRIVAL_BITS = 21
ARRIVAL_LIMIT = 1 << (ARRIVAL_BITS - CURRENT_SHIFT)
# A smaller exponent rounds each weight in nengo-loihi and brian2-loihi, and a connection's sum in Lava. Halves of even
# weights are whole.
SMALLEST_PORTABLE_EXPONENT = -1
# A bias is a mantissa of 12 bits and a sign, shifted left by at most 7 (`BIAS_MAN_MAX`, `BIAS_EXP_MAX`). A current is
# shifted by 6, so one beyond 12 bits must be even.
BIAS_MANTISSA_BITS = 12
LARGEST_BIAS_EXPONENT = 7
LARGEST_ODD_BIAS = 2**BIAS_MANTISSA_BITS - 1
LARGEST_EVEN_BIAS = LARGEST_ODD_BIAS << (LARGEST_BIAS_EXPONENT - CURRENT_SHIFT)
# A chip refuses a threshold of 0 (`hardware/validate.py`, `validate_vth_cfg`).
SMALLEST_PORTABLE_THRESHOLD = 1
