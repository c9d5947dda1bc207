"""Answers Claude Code as its service does: python3 claude_server.py PORT KEY-OR-TOKEN NOTES.

It refuses what the real one refuses: no credential, another one, and a token of a subscription that
is sent as a key or without its mark. https://docs.anthropic.com/en/api/messages
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT, CREDENTIAL, NOTES = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
ANSWER = "forty-two"
IS_TOKEN = CREDENTIAL.startswith("sk-ant-oat")


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        """Refuse, or answer."""
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with NOTES.open("a") as notes:
            notes.write(json.dumps({"path": self.path, "welcome": self.is_welcome()}) + "\n")
        if not self.is_welcome():
            error = {"type": "authentication_error", "message": "invalid x-api-key"}
            self.send(401, "application/json", json.dumps({"type": "error", "error": error}))
        elif self.path.startswith("/v1/messages/count_tokens"):
            self.send(200, "application/json", '{"input_tokens": 1}')
        elif self.path.startswith("/v1/messages"):
            self.answer(json.loads(content))
        else:
            self.send(200, "application/json", "{}")

    def do_GET(self) -> None:
        """Know nothing."""
        self.send(404, "application/json", "{}")

    def is_welcome(self) -> bool:
        """Tell whether the credential is sent in the way that belongs to its kind."""
        if not IS_TOKEN:
            return self.headers.get("x-api-key") == CREDENTIAL
        marked = "oauth" in self.headers.get("anthropic-beta", "")
        return marked and self.headers.get("Authorization") == f"Bearer {CREDENTIAL}"

    def answer(self, wanted: dict[str, Any]) -> None:
        """Say the answer, as a stream if that is wanted."""
        block = {"type": "text", "text": ANSWER}
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": wanted["model"],
            "content": [block], "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }  # fmt: skip
        if not wanted.get("stream"):
            self.send(200, "application/json", json.dumps(message))
            return
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": {**block, "text": ""}},
            {"type": "content_block_delta", "index": 0,
             "delta": {"type": "text_delta", "text": ANSWER}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
             "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]  # fmt: skip
        lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self.send(200, "text/event-stream", "".join(lines))

    def send(self, status: int, kind: str, text: str) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
