#!/usr/bin/env bash
# d3rlpy's wheel asks for gymnasium==1.0.0 exactly, so no resolver puts it beside gymnasium-robotics 1.4.2, which asks for
# gymnasium>=1.2. Installed by --no-deps it can be imported beside gymnasium 1.4.0.
#
# Versions: d3rlpy 2.8.1, gymnasium-robotics 1.4.2, Python 3.11.
# Behaviour: pip is asked, in a dry run, to put both into one environment.
# Seen: "ResolutionImpossible". The script fails if that changes.
# Use: PYTHON=python3.11 findings/d3rlpy_asks_for_gymnasium_1_0_0_alone.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
if "$work/venv/bin/python" -m pip install -q --dry-run d3rlpy==2.8.1 gymnasium-robotics==1.4.2 2>"$work/errors"; then
    exit 1
fi
grep -o "ResolutionImpossible" "$work/errors"
