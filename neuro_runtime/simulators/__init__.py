"""Simulators step a program's neurons: the interpreter that defines them, a compiled simulator, and Lava's."""
