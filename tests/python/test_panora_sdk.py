"""The Python library `panora-sdk` 0.7.0 works unchanged against a running server.

PANORA_URL names the server, PANORA_API_KEY a key of one of its projects. The tests share the project and only ever
look at what they made themselves, so the server may hold anything else.
"""

import base64
import hashlib
import hmac
import json
import os
import time
import unittest
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

import rfc8785
from panora_sdk import Panora, models

SERVER_URL = os.environ["PANORA_URL"]
API_KEY = os.environ["PANORA_API_KEY"]
TIMEOUT_MS = 20_000  # without one the library waits for ever

# Nothing listens on the discard port: an endpoint may point there and no delivery leaves the machine.
NOBODY = "http://127.0.0.1:9/webhook"


def library():
    """A fresh client, closed when the test ends."""
    return Panora(api_key=API_KEY, server_url=SERVER_URL, timeout_ms=TIMEOUT_MS)


def unique(word):
    """A name no other test uses."""
    return f"{word}-{uuid.uuid4()}"


def post(path, body):
    """A plain POST, for what the library has no method for."""
    request = urllib.request.Request(
        SERVER_URL.rstrip("/") + path,
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json", "x-api-key": API_KEY},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_MS / 1000) as response:
        return json.load(response)


def sign(payload, secret, seconds):
    """The `Panora-Signature` of a payload: hex HMAC-SHA256 of `<t>.<canonical JSON>` under the decoded secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = str(seconds).encode() + b"." + rfc8785.dumps(payload)
    return f"t={seconds},v1={hmac.new(key, signed, hashlib.sha256).hexdigest()}"


class LibraryTest(unittest.TestCase):
    """Gives each test its own client."""

    def setUp(self):
        self.panora = library()
        self.addCleanup(self.panora.sdk_configuration.client.close)


class Hello(LibraryTest):
    def test_hello_answers_a_line_of_text(self):
        line = self.panora.hello()
        self.assertTrue(line.strip())
        self.assertNotIn("<html", line.lower())

    def test_a_wrong_key_is_an_error_of_status_401(self):
        stranger = Panora(api_key="panora_nobody", server_url=SERVER_URL, timeout_ms=TIMEOUT_MS)
        self.addCleanup(stranger.sdk_configuration.client.close)
        with self.assertRaises(models.SDKError) as refused:
            stranger.webhooks.list()
        self.assertEqual(refused.exception.status_code, 401)

    def test_a_trailing_slash_in_the_server_url_does_not_matter(self):
        panora = Panora(api_key=API_KEY, server_url=SERVER_URL.rstrip("/") + "/", timeout_ms=TIMEOUT_MS)
        self.addCleanup(panora.sdk_configuration.client.close)
        self.assertIsInstance(panora.linked_users.list(), list)


class LinkedUsers(LibraryTest):
    def add(self, origin_id, alias="Ada"):
        return self.panora.linked_users.create(request={"linked_user_origin_id": origin_id, "alias": alias})

    def test_a_linked_user_is_added(self):
        origin_id = unique("user")
        user = self.add(origin_id)
        self.assertEqual((user.linked_user_origin_id, user.alias), (origin_id, "Ada"))
        self.assertTrue(user.id_linked_user)
        self.assertTrue(user.id_project)

    def test_the_alias_may_be_none(self):
        self.assertIsNone(self.add(unique("user"), alias=None).alias)

    def test_the_same_origin_id_gives_the_same_linked_user(self):
        origin_id = unique("user")
        self.assertEqual(self.add(origin_id).id_linked_user, self.add(origin_id).id_linked_user)

    def test_many_are_added_at_once(self):
        origin_ids = [unique("one"), unique("two"), unique("three")]
        users = self.panora.linked_users.import_batch(
            request={"linked_user_origin_ids": origin_ids, "alias": "Everyone"}
        )
        self.assertEqual([user.linked_user_origin_id for user in users], origin_ids)
        self.assertEqual({user.alias for user in users}, {"Everyone"})

    def test_all_are_listed_as_an_array(self):
        added = self.add(unique("user"))
        listed = [user.id_linked_user for user in self.panora.linked_users.list()]
        self.assertIn(added.id_linked_user, listed)

    def test_one_is_found_by_its_id(self):
        added = self.add(unique("user"))
        self.assertEqual(self.panora.linked_users.retrieve(id=added.id_linked_user), added)

    def test_one_is_found_by_its_origin_id_whatever_characters_it_has(self):
        added = self.add(unique("a b&c=d+é@x"))
        self.assertEqual(self.panora.linked_users.remote_id(remote_id=added.linked_user_origin_id), added)

    def test_an_unknown_origin_id_is_not_found(self):
        with self.assertRaises(models.SDKError) as missing:
            self.panora.linked_users.remote_id(remote_id=unique("nobody"))
        self.assertEqual(missing.exception.status_code, 404)


class Webhooks(LibraryTest):
    def add(self, **fields):
        request = {"url": NOBODY, "scope": ["connection.*"], **fields}
        endpoint = self.panora.webhooks.create(request=request)
        self.addCleanup(self.forget, endpoint.id_webhook_endpoint)
        return endpoint

    def forget(self, id_webhook_endpoint):
        """Deletes an endpoint that its test may have deleted already."""
        try:
            self.panora.webhooks.delete(id=id_webhook_endpoint)
        except models.SDKError as error:
            self.assertEqual(error.status_code, 404)

    def listed(self, id_webhook_endpoint):
        """The endpoint as `list` shows it, or None."""
        endpoints = self.panora.webhooks.list()
        return next((it for it in endpoints if it.id_webhook_endpoint == id_webhook_endpoint), None)

    def test_an_endpoint_is_created_active_and_with_its_secret(self):
        endpoint = self.add(description="Python test")
        self.assertEqual((endpoint.url, endpoint.scope), (NOBODY, ["connection.*"]))
        self.assertEqual(endpoint.endpoint_description, "Python test")
        self.assertTrue(endpoint.active)
        self.assertTrue(endpoint.secret.startswith("whsec_"))
        self.assertEqual(len(base64.b64decode(endpoint.secret.removeprefix("whsec_"))), 32)
        self.assertLess(abs(datetime.now(timezone.utc) - endpoint.created_at), timedelta(minutes=5))

    def test_the_description_may_be_none(self):
        self.assertIsNone(self.add(description=None).endpoint_description)

    def test_endpoints_are_listed_without_their_secrets(self):
        endpoint = self.add()
        listed = self.listed(endpoint.id_webhook_endpoint)
        self.assertEqual(listed.url, NOBODY)
        self.assertEqual(listed.secret, "whsec_[redacted]")

    def test_an_update_flips_active_and_a_second_one_flips_it_back(self):
        endpoint = self.add()
        self.panora.webhooks.update_status(id=endpoint.id_webhook_endpoint)
        self.assertFalse(self.listed(endpoint.id_webhook_endpoint).active)
        self.panora.webhooks.update_status(id=endpoint.id_webhook_endpoint)
        self.assertTrue(self.listed(endpoint.id_webhook_endpoint).active)

    def test_a_deleted_endpoint_is_gone(self):
        endpoint = self.add()
        self.panora.webhooks.delete(id=endpoint.id_webhook_endpoint)
        self.assertIsNone(self.listed(endpoint.id_webhook_endpoint))

    def test_a_refusal_carries_status_and_code(self):
        with self.assertRaises(models.SDKError) as refused:
            self.panora.webhooks.create(request={"url": "not a url", "scope": ["connection.*"]})
        self.assertEqual(refused.exception.status_code, 400)
        self.assertIn("code", json.loads(refused.exception.body))


class VerifyEvent(LibraryTest):
    # As an event looks, with what a careless canonical form gets wrong: nulls, floats, keys out of order, other scripts.
    PAYLOAD = {
        "type": "connection.created",
        "id_event": "019302e1-0000-7000-8000-000000000001",
        "data": {"expiration_timestamp": None, "account": {"name": "Ünïcode \u20ac"}, "10": 1e21, "9": 0.1, "e": []},
    }
    SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()

    def verify(self, payload, signature, secret=SECRET):
        return self.panora.webhooks.verify_event(
            request={"payload": payload, "signature": signature, "secret": secret}
        )

    def assert_refused(self, payload, signature, secret=SECRET):
        with self.assertRaises(models.SDKError) as refused:
            self.verify(payload, signature, secret)
        self.assertEqual(refused.exception.status_code, 400)
        self.assertEqual(json.loads(refused.exception.body)["code"], "invalid_signature")
        self.assertNotIn(secret, refused.exception.body)

    def test_a_signed_event_comes_back(self):
        signature = sign(self.PAYLOAD, self.SECRET, int(time.time()))
        self.assertEqual(self.verify(self.PAYLOAD, signature), self.PAYLOAD)

    def test_a_changed_event_is_refused(self):
        signature = sign(self.PAYLOAD, self.SECRET, int(time.time()))
        self.assert_refused({**self.PAYLOAD, "type": "connection.revoked"}, signature)

    def test_another_secret_is_refused(self):
        signature = sign(self.PAYLOAD, self.SECRET, int(time.time()))
        other = "whsec_" + base64.b64encode(bytes(32)).decode()
        self.assert_refused(self.PAYLOAD, signature, other)

    def test_an_old_signature_is_refused(self):
        self.assert_refused(self.PAYLOAD, sign(self.PAYLOAD, self.SECRET, int(time.time()) - 330))


class Connections(LibraryTest):
    def test_an_imported_connection_that_expires_is_listed_without_its_credentials(self):
        credentials = {"access_token": unique("access"), "refresh_token": unique("refresh"), "expires_in": 3600}
        imported = post(
            "/connections",
            {"linked_user_origin_id": unique("user"), "provider_slug": "sandbox", "credentials": credentials},
        )
        listed = {it.id_connection: it for it in self.panora.connections.list()}[imported["id_connection"]]
        self.assertEqual((listed.provider_slug, listed.status), ("sandbox", "valid"))
        self.assertEqual(listed.token_type, models.TokenType.OAUTH2)
        self.assertEqual((listed.access_token, listed.refresh_token), ("[redacted]", "[redacted]"))
        self.assertEqual(listed.connection_token, imported["connection_token"])
        self.assertTrue(listed.account_url.startswith("http"))
        self.assertTrue(listed.vertical)
        expires_in = listed.expiration_timestamp - datetime.now(timezone.utc)
        self.assertTrue(timedelta(minutes=50) < expires_in <= timedelta(minutes=60, seconds=5), expires_in)


if __name__ == "__main__":
    unittest.main()
