#!/usr/bin/env bash
# Statements about tools/fetch-cifar10. Those that need the real images take them from $NORMACT_DATA or are skipped.
set -euo pipefail

fetch=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/fetch-cifar10
real=${NORMACT_DATA:-}/cifar-10-batches-bin
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
unset NORMACT_DATA
failures=0

# expect STATUS WORDS COMMAND…: the command ends with the status and prints the words.
expect() {
    local wanted=$1 words=$2 status=0 printed
    shift 2
    printed=$("$@" 2>&1) || status=$?
    if [ "$status" = "$wanted" ] && grep -qF -- "$words" <<<"$printed"; then
        echo "ok: $words"
    else
        echo "FAILED: ${*@Q}: status $status, printed: $printed"
        failures=$((failures + 1))
    fi
}

mkdir damaged empty
head -c 30730000 /dev/zero >damaged/data_batch_1.bin
echo text >not-an-archive
tar -czf foreign.tar.gz damaged

expect 0 "usage:" "$fetch" --help
expect 2 "unknown option --form" "$fetch" --form x
expect 2 "--from needs" "$fetch" --from
expect 2 "one DIR" "$fetch" a b
expect 1 "nowhere does not exist" "$fetch" --from nowhere out
expect 1 "neither data_batch_1.bin nor" "$fetch" --from empty out
expect 1 "data_batch_1.bin is damaged" "$fetch" --from damaged out
expect 1 "data_batch_1.bin is damaged" "$fetch" --from foreign.tar.gz out
expect 1 "not a whole cifar-10-binary.tar.gz" "$fetch" --from not-an-archive out
expect 1 "run the same command again" env NORMACT_CIFAR10_URL="file://$place/nothing" "$fetch" out
expect 1 "downloaded archive was damaged and is removed" env NORMACT_CIFAR10_URL="file://$place/foreign.tar.gz" "$fetch" out
expect 0 "" test -z "$(ls -A out)" # nothing wrong stays behind

if [ ! -f "$real/test_batch.bin" ]; then
    echo "skipped the rest: NORMACT_DATA names no folder with cifar-10-batches-bin"
    [ $failures = 0 ] && exit 77 || exit 1
fi
mkdir -p pack/cifar-10-batches-bin
cp "$real"/*.bin pack/cifar-10-batches-bin/
tar -C pack -I 'gzip -1' -cf cifar.tar.gz cifar-10-batches-bin

expect 0 "there and right" "$fetch" --from cifar.tar.gz out
expect 0 "there and right" "$fetch" --from empty out # nothing to do: the source isn't read
echo x >>out/cifar-10-batches-bin/data_batch_2.bin
expect 0 "data_batch_2.bin" "$fetch" --from pack out # mends what is wrong alone
expect 1 "neither data_batch_1.bin" "$fetch" --from empty other
xz -0 --keep pack/cifar-10-batches-bin/test_batch.bin && rm pack/cifar-10-batches-bin/test_batch.bin
expect 0 "there and right" env NORMACT_DATA="$place/packed" "$fetch" --from pack/cifar-10-batches-bin
mkdir resumed && head -c 100000000 cifar.tar.gz >resumed/cifar-10-binary.tar.gz.part
expect 0 "there and right" env NORMACT_CIFAR10_URL="file://$place/cifar.tar.gz" "$fetch" resumed
mkdir whole && cp cifar.tar.gz whole/cifar-10-binary.tar.gz.part
expect 0 "there and right" env NORMACT_CIFAR10_URL="file://$place/nothing" "$fetch" whole
exit $((failures > 0))
