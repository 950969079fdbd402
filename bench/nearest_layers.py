#!/usr/bin/env python3
"""How near a study came to known layers: which of its scored layers are most like them, as functions and as formulas.

    nearest_layers.py NORMACT STUDY LAYER... [--count 5]

For every LAYER the study's scored layers that are nearest to it by what `normact diff` tells: as functions by the share of one's
variance that is the other's, after the best affine of each channel; as formulas by how few nodes one graph has and the other has
not. `found` is the candidate's number: so many had been proposed by then. The share that `x` itself has tells what is no
likeness at all. Prints Markdown.
"""

import argparse
import json
import subprocess


def ask(normact, *words):
    return json.loads(subprocess.run([normact, *map(str, words), "--json"], check=True, capture_output=True, text=True).stdout)


def nearness(normact, study, known, layer):
    found = ask(normact, "diff", known, layer["candidate"], "--study", study)
    nodes = max(len(found[side]["layer"]["nodes"]) for side in ("before", "after"))
    unlike = len(found["changed"]) + len(found["removed"]) + len(found["added"])
    return {**layer, "explained": found["functions"]["explained"] or 0.0, "shared": len(found["kept"]), "nodes": nodes, "unlike": unlike,
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
        identity = ask(options.normact, "diff", known, "x")["functions"]["explained"]
        print(f"\n{known}, of whose variance `x` has {100 * identity:.1f}%:\n")
        print("| nearest as | found | rank by accuracy | accuracy | of its variance | nodes shared | layer |")
        print("|---|---|---|---|---|---|---|")
        for what, key in (("function", lambda layer: (-layer["explained"], -layer["shared"])),
                          ("formula", lambda layer: (layer["unlike"], -layer["explained"]))):
            for layer in sorted(near, key=key)[:options.count]:
                how = "the same function" if layer["same"] else f"{100 * layer['explained']:.1f}%" + (", one mutation" if layer["one_mutation"] else "")
                print(f"| {what} | {layer['candidate']} | {layer['rank']} of {len(scored)} | {layer['mean']:.4f} | {how} | "
                      f"{layer['shared']} of {layer['nodes']} | `{layer['text']}` |")


if __name__ == "__main__":
    main()
