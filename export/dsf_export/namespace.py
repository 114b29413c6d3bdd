"""The name under which files of other formats hold what this project alone reads."""

NAMESPACE = "decision_spikeformer"
