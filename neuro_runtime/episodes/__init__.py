"""A policy in its environment: the closed loop, one episode or several at once, on film or once more."""
