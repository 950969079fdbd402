"""The running `normact serve`, for its tests."""

import http.client
import json
import re
import signal
import urllib.parse


class Server:
    """The running command, and requests to it."""

    def __init__(self, normact, *words):
        self.process = normact.start("serve", *words, "--port", 0)
        self.line = self.process.stdout.readline()
        self.url = re.search(r"http://\S+", self.line).group(0)
        self.port = int(re.search(r":(\d+)/", self.url).group(1))

    def ask(self, path, method="GET", body=None, **headers):
        """(status, headers, body) of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def json(self, path, **parameters):
        status, _, body = self.ask(f"/api/{path}?" + urllib.parse.urlencode(parameters))
        assert status == 200, body
        return json.loads(body)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        assert self.process.wait(timeout=30) == 0, self.process.stderr.read()
