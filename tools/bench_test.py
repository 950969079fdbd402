"""`normact bench`: how fast layers run here. No test of times, only of what is measured and printed."""

import pytest

SMALL = ("--shape", "2,6,5,7", "--runs", "3", "--threads", "1")


def test_each_layer_is_measured_in_both_formats_by_both_engines(normact):
    document = normact.json("bench", "EvoNorm-S0", "x*sigmoid(x)", *SMALL)
    assert (document["format"], document["version"]) == ("normact/bench", 1)
    assert (document["shape"], document["threads"]) == ([2, 6, 5, 7], 1)
    assert [(row["name"], row["memory_format"]) for row in document["layers"]] == [
        (name, memory_format) for name in ("EvoNorm-S0", "x*sigmoid(x)") for memory_format in ("contiguous", "channels_last")]
    for row in document["layers"]:
        assert row["floor"] > 0
        for engine in ("cpu", "aten"):
            times = row["engines"][engine]
            assert 0 < times["forward"] and 0 < times["forward_backward"] and 0 < times["compile"]


def test_without_a_layer_the_catalogue_and_random_ones_are_measured(normact):
    layers = normact.json("bench", "--random", "3", *SMALL)["layers"]
    names = list(dict.fromkeys(row["name"] for row in layers))
    assert {"BN-ReLU", "EvoNorm-B0", "EvoNorm-S0", "GN-ReLU"} <= set(names)
    again = normact.json("bench", "x", "--random", "3", *SMALL)["layers"]
    assert names[-3:] == list(dict.fromkeys(row["name"] for row in again))[-3:]


def test_the_table_tells_how_much_faster_and_how_close_to_the_floor(normact):
    out, _ = normact("bench", "BN-ReLU", *SMALL)
    assert "2,6,5,7, 1 thread, medians of 3" in out
    assert all(word in out for word in ("faster", "of floor", "compile", "BN-ReLU", "channels_last", "Geometric means"))


@pytest.mark.parametrize("shape", ["1,2,3", "1,2,3,4,5", "1,2,3,x", "0,2,3,4", "-1,2,3,4", "1, 2,3,4", "65536,65536,2,2",
                                   "99999999999999999999,1,1,1"])
def test_a_shape_that_makes_no_sense_is_wrong_usage(normact, shape):
    _, error = normact("bench", "BN-ReLU", f"--shape={shape}", status=2)
    assert "N,C,H,W" in error


@pytest.mark.parametrize("option", ["--threads=0", "--runs=0", "--random=-1"])
def test_numbers_out_of_range_are_wrong_usage(normact, option):
    _, error = normact("bench", "BN-ReLU", option, status=2)
    assert option.split("=")[0] in error
