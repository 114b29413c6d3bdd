"""The nengo-loihi worker: scripts that the emulators' Python 3.10 runs, as those of Lava's worker."""
