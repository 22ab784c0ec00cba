#!/usr/bin/env bash
# Runs the targets named on the command line (all when none is), each for FUZZ_SECONDS (20); fails on any crash or hang.
# `make fuzz` has installed AFL++ under target/tools and built target/fuzz/release/tacit-fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=target/fuzz/release/tacit-fuzz
seeds=target/fuzz/seeds
out=target/fuzz/runs
targets=("$@")
((${#targets[@]})) || targets=(receipt key circuit verify edited model)
# A finding must stop the fuzzer at its seeds, too; inputs slower than this many milliseconds are hangs.
export AFL_CRASHING_SEEDS_AS_NEW_CRASH=1
patience=20000
seconds=${FUZZ_SECONDS:-20}
# Neither the machine's settings nor the terminal matter for runs this short; one thread keeps them repeatable.
export AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 RAYON_NUM_THREADS=1
# Hash maps make the coverage vary a little: measuring every seed often would take all of the time.
export AFL_FAST_CAL=1 AFL_NO_STARTUP_CALIBRATION=1

# The kept corpus, the golden files, and the circuits inside the golden keys (header 9, length 4; the root of 32 last).
# The perceptron's receipts take the time of everything else. Of the receipts that hide, one a circuit.
rm -rf "$seeds" "$out"
for target in "${targets[@]}"; do
    mkdir -p "$seeds/$target"
    [[ ! -d fuzz/corpus/$target ]] || cp fuzz/corpus/"$target"/* "$seeds/$target"
    for folder in vectors/format-[123]/*/; do
        name=$(basename "$(dirname "$folder")")-$(basename "$folder")
        case $target in
            key) cp "$folder/key.bin" "$seeds/key/$name" ;;
            circuit) tail -c +14 "$folder/key.bin" | head -c -32 > "$seeds/circuit/$name" ;;
            receipt | verify)
                [[ $name == *-perceptron ]] || cp "$folder/receipt.bin" "$seeds/$target/$name"
                ;;
        esac
    done
done

failed=0
for target in "${targets[@]}"; do
    log=$out/$target.log
    mkdir -p "$out"
    # A short run does not calibrate its seeds, so it would not say that one crashes.
    for seed in "$seeds/$target"/*; do
        timeout 20 "$binary" "$target" < "$seed" > "$log" 2>&1 || { echo "$target: the seed $seed crashes or hangs"; tail -5 "$log"; exit 1; }
    done
    # The fuzzer looks at its clock between stages only, hence the second limit.
    timeout --signal=INT $((seconds * 2 + 30)) cargo afl fuzz -V "$seconds" -t $patience -i "$seeds/$target" -o "$out" -S "$target" -- \
        "$binary" "$target" > "$log" 2>&1 || (($? == 124)) || { tail -20 "$log"; exit 1; }
    figure() { awk -F ' *: *' -v key="$1" '$1 == key { print $2 }' "$out/$target/fuzzer_stats"; }
    crashes=$(figure saved_crashes) hangs=$(figure saved_hangs)
    # The fuzzer's clock runs while others have the processor: a hang is what takes as long again in processor time, or
    # six times as long on the clock.
    slow=()
    if ((hangs)); then
        for input in "$out/$target"/hangs/id:*; do
            (
                ulimit -t $((patience / 1000))
                exec timeout $((patience * 6 / 1000)) "$binary" "$target" < "$input" > "$log" 2>&1
            ) || slow+=("$input")
        done
    fi
    echo "$target: $(figure execs_done) inputs, $(figure corpus_count) kept, $(figure edges_found) edges, $crashes crashes," \
        "${#slow[@]} hangs of $hangs timeouts"
    if ((crashes)); then slow+=("$out/$target"/crashes/id:*); fi
    if ((${#slow[@]})); then
        failed=1
        for input in "${slow[@]}"; do echo "  $binary $target < '$input'"; done
    fi
done
exit $failed
