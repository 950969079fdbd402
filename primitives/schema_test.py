"""The published JSON Schema says what the program prints and reads.

LAYER_FILES names the program layer_files.
"""

import copy
import json
import os
import pathlib
import random
import subprocess

import jsonschema

SCHEMA = json.loads((pathlib.Path(__file__).parents[1] / "docs/layer.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def layer_files(command, text=""):
    run = subprocess.run([os.environ["LAYER_FILES"], command], input=text, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def printed_layers():
    return [json.loads(line) for line in layer_files("print")]


def complaints(documents):
    """What the program says of each document: "ok" or an error."""
    return layer_files("read", "".join(json.dumps(document) + "\n" for document in documents))


def paths(value, path=()):
    """Where in a document every value is."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from paths(child, path + (key,))


def damaged(document, generator):
    """The document with one value replaced, removed or added."""
    document = copy.deepcopy(document)
    path = generator.choice([path for path in paths(document) if path])
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    what = generator.randrange(3)
    if what == 0:
        parent[path[-1]] = generator.choice([None, True, -1, 0, 1, 2.5, "", "x", "exp", "div", "std", "group", [], [0], {}])
    elif what == 1:
        del parent[path[-1]]
    elif isinstance(parent, list):
        parent.append(generator.choice([0, {"op": "x"}, {"op": "exp", "inputs": [0]}, None]))
    else:
        parent[generator.choice(["op", "over", "inputs", "name", "more"])] = generator.choice(["x", "batch", [0], 1])
    return document


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_printed_layers_conform():
    layers = printed_layers()
    assert len(layers) > 60
    for layer in layers:
        VALIDATOR.validate(layer)
    assert complaints(layers) == ["ok"] * len(layers)


def test_the_example_of_the_documentation_conforms():
    example = {"format": "normact/layer", "version": 1, "nodes": [{"op": "x"}], "settings": {"epsilon": 1e-6}}
    VALIDATOR.validate(example)
    assert complaints([example]) == ["ok"]


def test_the_reader_alone_refuses_what_a_schema_cannot_say():
    plain = {"format": "normact/layer", "version": 1, "nodes": [{"op": "x"}]}
    documents = [plain | {"name": 150 * "ö"}, plain | {"settings": {"groups": 4.0}}]
    assert all(VALIDATOR.is_valid(document) for document in documents)
    too_long, not_whole = complaints(documents)
    assert "300 bytes; at most 200" in too_long
    assert "whole number" in not_whole


def test_schema_and_reader_refuse_the_same():
    generator = random.Random(1)
    layers = printed_layers()
    documents = [damaged(generator.choice(layers), generator) for _ in range(2000)]
    refused = 0
    for document, complaint in zip(documents, complaints(documents), strict=True):
        conforms = VALIDATOR.is_valid(document)
        refused += not conforms
        # A schema cannot say that inputs point backwards; everything else that is tried here it says as the reader does.
        if complaint == "ok" or "is not an earlier node" in complaint:
            assert conforms, (document, complaint)
        else:
            assert not conforms, (document, complaint)
    assert 400 < refused < 2000
