#!/bin/bash
# How a study stands many workers as it grows; run beside a server on a disk: TMPDIR=/tmp results/with_postgresql.sh bench/scale.sh
set -euo pipefail
program=build/release/bench/simulated_workers

echo "| candidates stored | workers | evaluations a minute | proposals a minute | a proposal | recording | between evaluations | MB |"
echo "|---|---|---|---|---|---|---|---|"
for stored in 1000 10000 100000 1000000; do  # a thousand evaluations a minute
    $program "$NORMACT_TEST_POSTGRESQL#scale-$stored" $stored 1 1000 1 > /dev/null  # makes it
    psql --quiet --no-psqlrc "$NORMACT_TEST_POSTGRESQL" --command CHECKPOINT && sync
    $program "$NORMACT_TEST_POSTGRESQL#scale-$stored" $stored 200 12000 60
done
echo "As many as this machine carries, training takes 0.1 s:"
$program "$NORMACT_TEST_POSTGRESQL#scale-1000000" 1000000 100 100 30
echo "Through PgBouncer, 20 connections for all:"
$program "$NORMACT_TEST_POOLER#scale-1000000" 1000000 200 12000 60
$program "$NORMACT_TEST_POOLER#scale-1000000" 1000000 1000 60000 60
