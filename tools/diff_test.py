"""`normact diff`: how two layers differ, and whether they are the same function."""

import pytest


def test_a_mutation_is_named_and_pointed_out(normact):
    out, _ = normact("diff", "EvoNorm-S0", "x*sigmoid(v1*x)/std_batch(x)")
    before, marks = out.splitlines()[1:3]
    assert marks.index("^") == before.index("std_group") and marks.count("^") == len("std_group")
    assert "one mutation" in out and "std_group(x) → std_batch(x)" in out and "not the same" in out
    assert "kept       6 of 7 nodes" in out
    document = normact.json("diff", "EvoNorm-S0", "x*sigmoid(v1*x)/std_batch(x)")
    assert (document["format"], document["version"]) == ("normact/diff", 1)
    assert document["is_one_mutation"] and document["likeness"] == "different"
    (changed,) = document["changed"]
    assert (changed["from"], changed["to"]) == ("std_group(x)", "std_batch(x)")
    assert document["before"]["layer"]["nodes"][changed["before"]] == {"op": "std", "over": "group", "inputs": [0]}
    assert document["after"]["layer"]["nodes"][changed["after"]]["over"] == "batch"
    begin, end = document["after"]["marks"][0]
    assert document["after"]["text"][begin:end] == "std_batch"


@pytest.mark.parametrize("first, second, likeness, says", [
    ("x*v1 + v0", "v0 + v1*x", "same form", "the same, for certain"),
    ("(x - mean_batch(x))/std_batch(x)", "x/std_batch(x) - mean_batch(x)/std_batch(x)", "same on probes", "No proof"),
    ("x", "x + x", "different", "up to 50% of the largest"),
    ("x/(v0 - v0)", "exp(x)/(v1 - v1)", "unknown", "not known"),
    ("exp(exp(exp(exp(x))))", "x", "different", "one of them is not finite"),
])
def test_says_how_sure_it_is_that_functions_are_the_same(normact, first, second, likeness, says):
    assert normact.json("diff", first, second)["likeness"] == likeness
    assert says in normact("diff", first, second)[0]


def test_where_evaluation_may_differ_it_says_so(normact):
    square_of_mean, mean_of_square = "x + square(mean_batch(x))", "x + mean_batch(square(mean_batch(x)))"
    out, _ = normact("diff", square_of_mean, mean_of_square)
    assert "the same, very likely" in out and "in training" in out and "In evaluation" in out
    assert "In evaluation" not in normact("diff", "x/std_group(x)", "x*x/x/std_group(x)")[0]


def test_settings_that_matter_are_told(normact):
    assert "epsilon 1e-06 and 1e-05" in normact("diff", "FRN-TLU", "max(v1*x/rms_instance(x), v0)")[0]
    assert "settings" not in normact("diff", "EvoNorm-S0", "EvoNorm-S1")[0]


def test_a_child_is_compared_with_its_parent(here):
    layers = here.json("top", "--count", 1000)["layers"]
    child = next(layer for layer in layers if layer["parent"])
    document = here.json("diff", child["parent"], f"#{child['candidate']}")
    assert document["after"]["hash"] == child["hash"]
    assert here.json("diff", child["candidate"], child["candidate"])["likeness"] == "same form"


def test_long_formulas_have_their_difference_in_brackets(normact):
    long = "x"
    for i in range(25):
        long = f"tanh({long} + v{i % 2})"
    out, _ = normact("diff", long, long.replace("tanh(x", "exp(x"))
    assert "[-tanh-]" in out and "{+exp+}" in out and "^" not in out


def test_wrong_use_says_what_is_wrong(normact):
    assert "LAYER LAYER is missing" in normact("diff", "EvoNorm-S0", status=2)[1]
    assert "did you mean" in normact("diff", "EvoNorm-S0", "EvoNormS1", status=2)[1]
    assert "no study here" in normact("diff", "EvoNorm-S0", "17", status=2)[1]
