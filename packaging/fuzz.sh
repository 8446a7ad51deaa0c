#!/bin/sh
# Runs each fuzz target for SECONDS_EACH seconds (default 60), two targets at a time. The first inputs are the seeds in the tree
# and the golden files. A finding ends the run; its input is then in fuzz/artifacts: after the fix, move it to fuzz/seeds.
# `fuzz.sh --short` tries the inputs of earlier findings, then fuzzes for three seconds; it installs no tools.
set -eu
cd "$(dirname -- "$0")/.."
seconds=${SECONDS_EACH:-60}
if [ "${1:-}" = --short ]; then
    if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
        echo "fuzz: not run, because it needs a nightly compiler and cargo-fuzz (make fuzz installs them)" >&2
        exit 0
    fi
    seconds=${SECONDS_EACH:-3}
else
    rustup toolchain list 2>/dev/null | grep -q nightly || rustup toolchain install nightly --profile minimal >&2
    cargo +nightly fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked --quiet
fi

# The parser is safe Rust: the targets need no sanitizer, and run several times as fast without one.
for folder in trustlist/fuzz fuzz; do
    cargo +nightly fuzz build --fuzz-dir "$folder" --sanitizer none --target-dir target/fuzz >&2
done
host=$(rustc -vV | sed -n 's/^host: //p')

seeds() { # TARGET
    case $1 in
    list | judge) echo tests/testdata/golden ;;
    certificate) echo softhsm-fixtures tests/testdata/pki ;;
    texts) echo hsm-profiles ;;
    *) ;;
    esac
}

run() { # TARGET
    corpus=target/fuzz/corpus/$1
    mkdir -p "$corpus" "fuzz/seeds/$1" fuzz/artifacts
    folders=
    for folder in "fuzz/seeds/$1" $(seeds "$1"); do
        [ -d "$folder" ] && folders="$folders $folder"
    done
    # shellcheck disable=SC2086
    if "target/fuzz/$host/release/$1" "$corpus" $folders -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=1024 \
        -timeout=10 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$1-" >"target/fuzz/$1.log" 2>&1; then
        done=$(sed -n 's/^stat::number_of_executed_units: *//p' "target/fuzz/$1.log")
        new=$(sed -n 's/^stat::new_units_added: *//p' "target/fuzz/$1.log")
        printf '%-12s %11s executions  %6s new paths  no finding\n' "$1" "$done" "$new"
    else
        printf '%-12s FINDING: %s\n' "$1" "$(grep -E 'panicked|ERROR|SUMMARY|Test unit written' "target/fuzz/$1.log" | head -n 3 | tr '\n' ' ')"
        return 1
    fi
}

failed=0
pids=
# User and system time of all commands of this script, in seconds. Must run in the current shell: a subshell has run nothing.
times >target/fuzz/times.before
for target in list change certificate signature judge tvs tftp shell rest journal texts phones exchange; do
    run "$target" &
    pids="$pids $!"
    set -- $pids
    if [ $# -ge 2 ]; then
        wait "$1" || failed=1
        shift
        pids=$*
    fi
done
for pid in $pids; do wait "$pid" || failed=1; done
times >target/fuzz/times.after
tail -q -n 1 target/fuzz/times.before target/fuzz/times.after | awk '
    { split($0, both, /[ms ]+/); spent = both[1] * 60 + both[2] + both[3] * 60 + both[4] - spent }
    END { printf "processor time: %d minutes %d seconds\n", spent / 60, spent % 60 }'
exit $failed
