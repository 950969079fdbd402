#!/usr/bin/env python3
"""Tunes the evolution's settings on recorded layers, without training: successive choices, then a confirmation.

    tune_search.py NORMACT TABLE [--seeds 100] [--evaluations 500] [--rounds 2]

One setting after the other takes the value with the best average accuracy over the tuning seeds, the others staying as they
are. What comes out is compared with the paper's settings and the laptop presets' over other seeds, paired seed by seed, since
the best of many tries looks better than it is on the seeds that it was chosen by. Prints Markdown.
"""

import argparse
import json
import statistics
import subprocess

VALUES = {
    "evolution.random_share": [0, 0.1, 0.25, 0.5, 0.75],
    "evolution.mutations": [1, 2, 3],
    "evolution.window": [25, 50, 100, 200, 2500],
    "evolution.tournament": [0.02, 0.05, 0.1, 0.2, 0.4, 0.8],
}
PAPER = {"evolution.random_share": 0.5, "evolution.mutations": 2, "evolution.window": 2500, "evolution.tournament": 0.05}
LAPTOP = {"evolution.random_share": 0.25, "evolution.mutations": 1, "evolution.window": 200, "evolution.tournament": 0.2}
CONFIRMING_SEED = 1_000_001
PAPERS_NAME = "the paper's"


def averages(options, settings, first_seed, seeds):
    """The best accuracy on average over a run, one number a seed."""
    words = [options.normact, "search", "--replay", options.table, "--json", "--seeds", str(seeds),
             "--evaluations", str(options.evaluations), "--set", f"seed={first_seed}", "--alone"]
    for key, value in settings.items():
        words += ["--set", f"{key}={value}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["methods"][0]["averages"]


def tuned(options):
    settings, known = dict(PAPER), {}

    def mean(candidate):
        key = json.dumps(candidate)
        if key not in known:
            known[key] = statistics.mean(averages(options, candidate, 1, options.seeds))
        return known[key]

    print("| setting | value: average accuracy |\n|---|---|")
    for _ in range(options.rounds):
        before = dict(settings)
        for key, values in VALUES.items():
            tried = {value: mean(settings | {key: value}) for value in values}
            settings[key] = max(tried, key=tried.get)
            cells = ", ".join(f"**{v}: {m:.4f}**" if v == settings[key] else f"{v}: {m:.4f}" for v, m in tried.items())
            print(f"| `{key}` | {cells} |", flush=True)
        if settings == before:
            break
    return settings


def students_t(freedom):
    """The 97.5% quantile of Student's t distribution (Abramowitz and Stegun, 26.7.5): within 1% from 3 degrees of freedom on."""
    z = 1.959963984540054
    return (z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
            + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3))


def gain(ours, others):
    """The mean difference, paired by seed, with half of its 95% interval by Student's t distribution."""
    differences = [a - b for a, b in zip(ours, others)]
    half = students_t(len(differences) - 1) * statistics.stdev(differences) / len(differences) ** 0.5
    return f"{statistics.mean(differences):+.4f} ±{half:.4f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("normact")
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--evaluations", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    rows = {"tuned": tuned(options), PAPERS_NAME: PAPER, "the laptop presets'": LAPTOP,
            "random search": PAPER | {"evolution.random_share": 1}}
    confirmed = {name: averages(options, settings, CONFIRMING_SEED, 2 * options.seeds) for name, settings in rows.items()}
    print(f"\n{options.evaluations} evaluations; {2 * options.seeds} seeds other than those of the tuning.\n")
    print("| evolution | random share | mutations | window | tournament | average | gain over the paper's |\n|---|---|---|---|---|---|---|")
    for name, settings in rows.items():
        values = " | ".join(str(settings[key]) for key in VALUES)
        print(f"| {name} | {values} | {statistics.mean(confirmed[name]):.4f} | "
              f"{gain(confirmed[name], confirmed[PAPERS_NAME])} |")


if __name__ == "__main__":
    main()
