"""Things that run a policy: found by name through the entry-point group ``decision_spikeformer.backends``."""
