#!/usr/bin/env python3
"""How near a study came to known layers: which of its scored layers are most like them, as functions and as formulas.

    nearest_layers.py NORMACT STUDY LAYER... [--count 5]

For every LAYER the study's scored layers that are nearest to it by what `normact diff` tells: the share of one function's
variance that is the other's (after the best affine of each channel), then the share of nodes that both graphs have. `found` is
the candidate's number: so many had been proposed by then. Prints Markdown.
"""

import argparse
import json
import subprocess


def ask(normact, *words):
    return json.loads(subprocess.run([normact, *map(str, words), "--json"], check=True, capture_output=True, text=True).stdout)


def nearness(normact, study, known, layer):
    found = ask(normact, "diff", known, layer["candidate"], "--study", study)
    nodes = max(len(found[side]["layer"]["nodes"]) for side in ("before", "after"))
    return {**layer, "explained": found["functions"]["explained"] or 0.0, "shared": len(found["kept"]), "nodes": nodes,
            "same": found["same_fingerprint"], "one_mutation": found["is_one_mutation"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("normact")
    parser.add_argument("study")
    parser.add_argument("layers", nargs="+", metavar="LAYER")
    parser.add_argument("--count", type=int, default=5)
    options = parser.parse_args()
    scored = ask(options.normact, "top", "--study", options.study, "--count", 1_000_000)["layers"]
    for known in options.layers:
        near = [nearness(options.normact, options.study, known, layer) for layer in scored]
        near.sort(key=lambda layer: (-layer["explained"], -layer["shared"]))
        print(f"\n| nearest to {known} | found | rank by accuracy | accuracy | of its variance | nodes shared | layer |")
        print("|---|---|---|---|---|---|---|")
        for place, layer in enumerate(near[:options.count], 1):
            how = "the same function" if layer["same"] else f"{100 * layer['explained']:.1f}%" + (", one mutation" if layer["one_mutation"] else "")
            print(f"| {place} | {layer['candidate']} | {layer['rank']} of {len(scored)} | {layer['mean']:.4f} | {how} | "
                  f"{layer['shared']} of {layer['nodes']} | `{layer['text']}` |")


if __name__ == "__main__":
    main()
