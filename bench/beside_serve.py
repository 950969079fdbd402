"""Whether workers lose pace while somebody looks at their study.

    .deps/venv/bin/python bench/beside_serve.py [STORED [WORKERS [TRAINING_MS [SECONDS [ROUNDS]]]]]

Fills a SQLite study with so many candidates, then lets simulated workers go on with it, in turn alone and beside `normact serve`
with one browser's worth of requests (a status each 5 s, the report each 30 s) and one reader who asks for page after page
without a pause: filters that pass nothing, sorting by anchors, new and old candidates. Prints the rows of simulated_workers,
and how long the requests took.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build" / "release"
PAGES = [{"order": "best"}, {"order": "best", "task": "test/b"}, {"order": "newest"}, {"order": "oldest"},
         {"order": "newest", "origin": "nobody"}, {"order": "worst", "with": "sigmoid std_group", "without": "exp"}]


def workers(study, stored, count, training, seconds):
    words = [BUILD / "bench" / "simulated_workers", study, stored, count, training, seconds]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


class Readers:
    """A server and those who ask it, until they are stopped."""

    def __init__(self, study):
        self.process = subprocess.Popen([str(BUILD / "tools" / "normact"), "serve", "--study", str(study), "--port", "0"],
                                        stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+", self.process.stdout.readline()).group(0)
        self.stopped = threading.Event()
        self.seconds = {}
        self.threads = [threading.Thread(target=task) for task in (
            lambda: self.poll("status", 5), lambda: self.poll("report", 30), self.read_pages)]
        for thread in self.threads:
            thread.start()

    def ask(self, path, **parameters):
        begin = time.monotonic()
        with urllib.request.urlopen(f"{self.url}api/{path}?{urllib.parse.urlencode(parameters)}", timeout=120) as answer:
            found = json.load(answer)
        self.seconds.setdefault(path, []).append(time.monotonic() - begin)
        return found

    def poll(self, path, pause):
        while not self.stopped.is_set():
            self.ask(path)
            self.stopped.wait(pause)

    def read_pages(self):
        after = [""] * len(PAGES)
        while not self.stopped.is_set():
            for i, page in enumerate(PAGES):
                after[i] = self.ask("candidates", after=after[i], **page)["next"] or ""

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        self.process.terminate()
        self.process.wait()
        return ", ".join(f"{path}: {len(times)} times, median {statistics.median(times):.3f} s, most {max(times):.3f} s"
                         for path, times in self.seconds.items())


def main(stored=1_000_000, count=8, training=500, seconds=30, rounds=3):
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "large.study.db"
        workers(study, stored, 1, 100, 1)  # makes it
        print("|  | candidates stored | workers | evaluations a minute | proposals a minute | a proposal | recording | between evaluations | MB |")
        print("|---|---|---|---|---|---|---|---|---|")
        for _ in range(rounds):
            print("| alone", workers(study, stored, count, training, seconds), flush=True)
            readers = Readers(study)
            row = workers(study, stored, count, training, seconds)
            asked = readers.stop()
            print("| beside serve", row, flush=True)
            print(asked, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
