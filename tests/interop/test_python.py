"""Python reads what Panora signs: rfc8785 writes the same canonical text, standardwebhooks verifies deliveries.

Run with python3 and the packages of ../python/requirements.txt. PANORA_CANONICAL_BIN and PANORA_SIGN_BIN name the
programs of crates/panora-signature; unless given, they are looked for where cargo puts them.
"""

import base64
import hashlib
import hmac
import json
import os
import random
import struct
import subprocess
import time
import unittest
from pathlib import Path

import rfc8785
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "examples"
CANONICAL = os.environ.get("PANORA_CANONICAL_BIN", EXAMPLES / "canonical_lines")
SIGN = os.environ.get("PANORA_SIGN_BIN", EXAMPLES / "sign_event")
SEED = int(os.environ.get("PANORA_SEED", time.time_ns() % 2**32))
COUNT = 50_000 if os.environ.get("PANORA_TEST_FULL") else 3_000

NAMES = ["10", "9", "", "01", "4294967295", "toJSON", "__proto__", "ö", "\r", '"', "\\"]
NAMES += ["\ufb33", "\uffff", "\U00010000", "\U0001f600", "\u2028"]
CHARACTERS = 'aZ09 /"\\\b\f\n\r\t\x01\x1f\x7f\x80é\u2028\ufeff\uffff\ufb33😀\U00010000\U0010ffff'
KEPT = "0 -0 -0.0 1.0 -1.50 1e2 1E+2 100e-2 0.1 1e21 1e-7 0.000001 5e-324 1.7976931348623157e308 1e23".split()
KEPT += "9007199254740992 -9007199254740994 100000000000000000000".split()
CONVERTED = "9007199254740993 18446744073709551615 1e400 -1e400 1e-400 0.1000000000000000055511151231257827".split()


class Payloads:
    """JSON texts full of traps; `exact` says whether a double says each number of the last one."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.exact = True

    def next(self):
        self.exact = True
        return self.value(5)

    def value(self, levels):
        kind = self.random.randrange(4 if levels == 0 else 8)
        if kind == 0:
            return self.random.choice(["null", "true", "false"])
        if kind == 1:
            return self.string(self.content())
        if kind < 4:
            return self.number()
        if kind < 6:
            return "[%s]" % ", ".join(self.value(levels - 1) for _ in range(self.random.randrange(5)))
        names = {self.name() for _ in range(self.random.randrange(7))}
        return "{%s}" % ",".join(f"{self.string(name)} : {self.value(levels - 1)}" for name in sorted(names))

    def name(self):
        return self.random.choice(NAMES) if self.random.random() < 0.7 else self.content()

    def content(self):
        return "".join(self.random.choices(CHARACTERS, k=self.random.randrange(8)))

    def string(self, content):
        return json.dumps(content, ensure_ascii=self.random.random() < 0.5)

    def number(self):
        if self.random.random() < 0.05:
            self.exact = False
            return self.random.choice(CONVERTED)
        if self.random.random() < 0.5:
            return self.random.choice(KEPT)
        (double,) = struct.unpack("d", self.random.randbytes(8))
        return repr(double) if abs(double) < float("inf") else "0"


def parsed(text):
    """JSON as a library reads it whose numbers are doubles; Python's own integers know no bound."""
    return json.loads(text, parse_int=lambda digits: int(digits) if abs(int(digits)) < 2**53 else float(digits))


def run(program, text):
    return subprocess.run([program], input=text.encode(), capture_output=True, check=True).stdout.decode()


class CanonicalText(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"PANORA_SEED={SEED}")
        payloads = Payloads(SEED)
        cls.payloads = [(payloads.next(), payloads.exact) for _ in range(COUNT)]
        cls.canonical = run(CANONICAL, "\n".join(text for text, _ in cls.payloads)).split("\n")[:COUNT]

    def test_the_server_takes_each_payload(self):
        self.assertEqual(len(self.canonical), COUNT)
        for text in self.canonical:
            self.assertFalse(text.startswith("error"), text)

    def test_python_writes_the_servers_text_again(self):
        for text in self.canonical:
            self.assertEqual(rfc8785.dumps(parsed(text)).decode(), text)

    def test_python_writes_the_servers_text_of_the_input(self):
        for (text, exact), canonical in zip(self.payloads, self.canonical):
            if exact:
                self.assertEqual(rfc8785.dumps(parsed(text)).decode(), canonical)


def new_secret():
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


EVENT = {
    "id_event": "0193a5f0-0000-7000-8000-000000000001",
    "type": "connection.created",
    "data": {"10": "ten", "9": "nine", "name": "Ünïcode 😀", "\ufb33": 1e21, "😀": 5e-324},
}


def signed(*secrets):
    order = {"secrets": secrets, "id": EVENT["id_event"], "timestamp": int(time.time()), "event": EVENT}
    delivery = json.loads(run(SIGN, json.dumps(order)))
    return delivery["headers"], delivery["body"]


class Deliveries(unittest.TestCase):
    def test_standardwebhooks_verifies_by_either_secret_of_a_rotation(self):
        secrets = [new_secret(), new_secret()]
        headers, body = signed(*secrets)
        for secret in secrets:
            self.assertEqual(Webhook(secret).verify(body, headers), EVENT)

    def test_standardwebhooks_refuses_another_secret(self):
        headers, body = signed(new_secret())
        with self.assertRaises(WebhookVerificationError):
            Webhook(new_secret()).verify(body, headers)

    def test_the_parsed_body_is_verified_by_hand(self):
        secret = new_secret()
        headers, body = signed(secret)
        time_part, signature = headers["panora-signature"].removeprefix("t=").split(",v1=")
        message = time_part.encode() + b"." + rfc8785.dumps(parsed(body))
        key = base64.b64decode(secret.removeprefix("whsec_"))
        self.assertEqual(hmac.new(key, message, hashlib.sha256).hexdigest(), signature)


if __name__ == "__main__":
    unittest.main()
