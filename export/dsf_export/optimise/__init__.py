"""Passes that rewrite a loihi program into a leaner one with the same actions."""
