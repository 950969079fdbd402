"""A program that starts itself again keeps its arguments, its process and its exit status."""

import os
import subprocess


def test_restarts_with_the_same_words_in_the_same_process():
    process = subprocess.Popen([os.environ["RESTART_TWICE"], "--study", "a b.db", ""], stdout=subprocess.PIPE, text=True)
    lines = process.communicate(timeout=60)[0].splitlines()
    assert lines == [f"{restarts} [--study] [a b.db] []" for restarts in range(3)]
    assert process.returncode == 7
