"""docs/webhooks.md prints what works: its delivery fits its secret, its Python receiver takes what the server signs.

Run with python3. PANORA_SIGN_BIN names the program of crates/panora-signature that signs; unless given, it is looked
for where cargo puts it.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "examples"
SIGN = os.environ.get("PANORA_SIGN_BIN", EXAMPLES / "sign_event")
PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
EVENT = {
    "id_event": "0193a5f0-0000-7000-8000-000000000001",
    "type": "connection.created",
    "data": {"name": "Ünïcode 😀"},
}


def printed(language, word):
    """The page's block in that language that holds the word."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return next(block for block in blocks if word in block)


def new_secret():
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def signed(*secrets, age=0):
    order = {"secrets": secrets, "id": EVENT["id_event"], "timestamp": int(time.time()) - age, "event": EVENT}
    answer = subprocess.run([SIGN], input=json.dumps(order).encode(), capture_output=True, check=True).stdout
    delivery = json.loads(answer)
    return delivery["headers"]["panora-signature"], delivery["body"].encode()


class Receiver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.secret = new_secret()
        os.environ["PANORA_WEBHOOK_SECRET"] = cls.secret
        program = {"__name__": "receiver"}
        exec(printed("python", "def verify"), program)
        # Silent, and at any free port in place of its own.
        handler = type("Quiet", (program["Receiver"],), {"log_message": lambda *_: None})
        cls.handler = handler
        cls.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        cls.server.handle_error = lambda *_: None
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def answer(self, header, body):
        url = f"http://127.0.0.1:{self.server.server_port}/webhook"
        headers = {} if header is None else {"Panora-Signature": header}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as response:
                return response.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def test_it_takes_a_signed_event(self):
        self.assertEqual(self.answer(*signed(self.secret)), 200)

    def test_it_takes_an_event_while_two_secrets_sign(self):
        self.assertEqual(self.answer(*signed(new_secret(), self.secret)), 200)

    def test_it_takes_an_event_with_a_version_that_it_does_not_know(self):
        header, body = signed(self.secret)
        self.assertEqual(self.answer(header + ",v2=ffff", body), 200)

    def test_it_refuses_a_changed_body(self):
        header, body = signed(self.secret)
        self.assertEqual(self.answer(header, body.replace(b"created", b"creates")), 400)

    def test_it_refuses_another_secret(self):
        self.assertEqual(self.answer(*signed(new_secret())), 400)

    def test_it_refuses_what_was_signed_more_than_300_seconds_before_or_after_its_time(self):
        for age, status in [(310, 400), (-310, 400), (290, 200), (-290, 200)]:
            self.assertEqual(self.answer(*signed(self.secret, age=age)), status, age)

    def test_it_refuses_headers_that_nobody_signed(self):
        for header in [None, "", "t,v1", "t=1", "v1=ab", "t=1,v1=ab", "t=1,t=1,v1=ab"]:
            self.assertEqual(self.answer(header, b"{}"), 400, header)

    def raw_answer(self, length, body):
        """What is answered to a request of that Content-Length."""
        head = f"POST /webhook HTTP/1.0\r\nPanora-Signature: t=1,v1=ab\r\nContent-Length: {length}\r\n\r\n"
        with socket.create_connection(self.server.server_address, timeout=10) as connection:
            connection.sendall(head.encode() + body)
            return connection.makefile("rb").readline().split()[1:2]

    def test_it_refuses_lengths_that_no_event_has(self):
        for length in ["abc", "-1", "+2", "1_0", "", 10**20, 2**20 + 1]:
            self.assertEqual(self.raw_answer(length, b"{}"), [b"400"], length)

    def test_it_waits_for_nobody_who_sends_less_than_was_told(self):
        self.assertIsNotNone(self.handler.timeout)
        with unittest.mock.patch.object(self.handler, "timeout", 0.1):
            self.assertEqual(self.raw_answer(100, b"{}"), [])

    def test_it_keeps_the_event_before_it_answers(self):
        with unittest.mock.patch("builtins.print", side_effect=OSError("the disk is full")):
            header, body = signed(self.secret)
            with self.assertRaises(http.client.RemoteDisconnected):
                self.answer(header, body)


class Secrets(unittest.TestCase):
    def test_it_does_not_start_with_what_is_no_secret(self):
        start = "import sys; exec(sys.stdin.read(), {'__name__': 'receiver'})"
        program = printed("python", "def verify").encode()
        texts = ["", "whsec_", "whsec_[redacted]", "whsec_c2hvcnQ=", "whsec_" + "A" * 100, "whsec_" + "A" * 31 + "*"]
        for text in [*texts, new_secret()]:
            environment = {**os.environ, "PANORA_WEBHOOK_SECRET": text}
            run = subprocess.run([sys.executable, "-c", start], input=program, env=environment, capture_output=True)
            self.assertEqual(run.returncode == 0, text not in texts, text)


class PrintedDelivery(unittest.TestCase):
    def test_both_its_signatures_fit_the_secret_beside_it(self):
        head, _, body = printed("http", "panora-signature").partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        body = body.strip()
        key = base64.b64decode(re.search(r"`whsec_([A-Za-z0-9+/=]+)`", PAGE)[1])

        def signature(text):
            return hmac.new(key, text.encode(), hashlib.sha256)

        seconds = headers["webhook-timestamp"]
        own = signature(f"{seconds}.{body}").hexdigest()
        self.assertEqual(headers["panora-signature"], f"t={seconds},v1={own}")
        standard = signature(f"{headers['webhook-id']}.{seconds}.{body}").digest()
        self.assertEqual(headers["webhook-signature"], "v1," + base64.b64encode(standard).decode())


if __name__ == "__main__":
    unittest.main()
