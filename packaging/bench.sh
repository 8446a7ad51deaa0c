#!/bin/sh
# Measures the figures of docs/performance.md. Installs hyperfine and GNU time if they are missing.
set -eu
cd "$(dirname -- "$0")/.."
packaging/setup.sh tests
packaging/setup.sh bench
packaging/bench.py

printf '\nA cluster of fake nodes on loopback\n'
cargo test --release --locked --quiet --test stories -- --ignored --nocapture figures_of_a_cluster 2>&1 | grep -E ' ms|panicked|SKIPPED'
