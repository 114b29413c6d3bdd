#!/bin/sh
# From data to a report in three environments that have no file here: one of Gymnasium, one of gymnasium-robotics with
# observations in parts, and one of a package in this folder. Run it in this folder; it writes data and runs here.
set -eu

walk() {
    name=$1
    data=$2
    run=run-${data%.hdf5}
    shift 2
    echo "\$ python record.py $name $data" && python record.py "$name" "$data"
    echo "\$ dsf-data info $data env=$name" && dsf-data info "$data" "env=$name"
    echo "\$ dsf-train env=$name dataset=$data name=walk $*" && dsf-train "env=$name" "dataset=$data" name=walk "$@"
    echo "\$ dsf-export runs/$name/walk --target lava" && dsf-export "runs/$name/walk" --target lava
    echo "\$ dsf-run --backend loihi-fast policy=runs/$name/walk episodes=3 out=$run --report"
    dsf-run --backend loihi-fast "policy=runs/$name/walk" episodes=3 "out=$run" --report
    echo "\$ python plain_loop.py $name runs/$name/walk/program.dsf.h5"
    python plain_loop.py "$name" "runs/$name/walk/program.dsf.h5"
}

small="steps=1500 model.embedding_size=32 model.blocks=1 evaluate_every=0 final_episodes=10"
# shellcheck disable=SC2086  # several words
walk MountainCarContinuous-v0 mountain-car.hdf5 $small
# shellcheck disable=SC2086
walk PointMaze_Open-v3 point-maze.hdf5 $small
# shellcheck disable=SC2086
walk beadtrack:Bead-v0 bead.hdf5 $small
