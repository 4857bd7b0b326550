"""A stand-in for a language model behind a gateway: slow on long prompts, and 504 on some. Prints its port, serves
until killed."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GATEWAY_TIMEOUT_CHARACTERS = 900
"""Prompts longer than this do not come back in time."""


class Model(BaseHTTPRequestHandler):
    """Answers ``POST {"prompt": ...}`` with ``{"label": ...}``."""

    def do_POST(self) -> None:
        """Think for as long as the prompt is, then answer or time out."""
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        time.sleep(0.02 + len(prompt) / 10_000)
        if len(prompt) > GATEWAY_TIMEOUT_CHARACTERS:
            self.send_error(504)
            return
        body = json.dumps({"label": "invoice" if "total due" in prompt else "letter"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name that http.server gives it)
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    print(server.server_port, flush=True)
    server.serve_forever()
