"""From a program of real numbers to one of Loihi's integers. Read the files in this order:

1. `calibration`: the spikes and token currents that reached each layer while the float program ran.
2. `scale_search`: the octave of scales that can overflow no state, and the search in it for the fewest wrong spikes.
3. `group_scales`: how well a scale serves a neuron group, found by running the group in integers on its calibration.
4. `weight_rounding`: one weight matrix or bias, given its scale.
5. `parameter_rounding`: one neuron group or connection with all its parameters.
6. `program_rounding`: the whole program, node for node.
7. `outliers`: neurons that would set the step of their layer, limited before all this.
8. `rounding_bound`: the gate on the result, which shares no code with the rounding.

A group's **scale** is how many integers stand for 1.0 of its current; it is all that is chosen, the rest is rounding.
docs/quantisation.md has the equations and what they cost.
"""
