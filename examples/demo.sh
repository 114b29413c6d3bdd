#!/bin/sh
# The whole path in one go: train a small policy, export it, steer with it on the Loihi simulator; then a 24-joint hand.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH

# The networks here are small: more threads than this only wait for one another.
: "${OMP_NUM_THREADS:=2}"
export OMP_NUM_THREADS
started=$(date +%s)

step() {
    printf '\n== %s\n' "$*"
}

step "1. Train a pendulum policy from nothing"

dsf-train --overwrite env=pendulum name=demo

step "2. Export it: fold, lower, quantise, and compare every stage with the trained model"
dsf-export runs/pendulum/demo/model.pt --target lava

step "3. Swing the pendulum up with it on Lava's Loihi simulator"
dsf-run --backend loihi-sim env=pendulum policy=runs/pendulum/demo episodes=3

step "4. Turn a pen with a 24-joint hand: the shipped pen-e policy on the same simulator, and a page of what it costs"
dsf-run --backend loihi-sim env=pen-e episodes=1 --report

step "Done in $(($(date +%s) - started)) s. Everything is here:"
cat <<'WHERE'
runs/pendulum/demo/model.pt          the trained policy: weights, configuration, normalisation
runs/pendulum/demo/config.yaml       every option it was trained with
runs/pendulum/demo/metrics.jsonl     loss, scores and firing rates; `tensorboard --logdir runs` draws them
runs/pendulum/demo/program.dsf.h5    the integer network that ran on the simulator
runs/pen-e/run-loihi-sim-*/          the hand's run; report.html in it says what a decision costs on a chip
neuro_runtime/pretrained/            the shipped policies, each with its card
WHERE
