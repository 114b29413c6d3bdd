"""The resources of a core that a mapping counts, by the names that tables and refusals use."""

from __future__ import annotations

NEURONS, SYNAPSE_WORDS, AXONS_IN = "neurons", "synapse words", "input axons"
AXONS_OUT, FORMATS, GROUPS, DELAY_SLOTS = "output axons", "synapse formats", "neuron groups", "delay slots"
FAN_OUT = "words an axon"
