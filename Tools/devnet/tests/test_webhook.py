"""The webhook receiver."""

import base64
import http.client
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from conftest import HTTP
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes......").decode()
BODY = '{"type":"agent.registered","data":{"name":"é"}}'


@pytest.fixture(scope="module")
def receiver(programs, tmp_path_factory):
    path = tmp_path_factory.mktemp("webhook") / "ledger.jsonl"
    program = programs("receivers/webhook.py", "--secret", SECRET, "--ledger", str(path))
    http = HTTP(program.ready["url"])
    http.ledger_path = path
    http.hook_url = program.ready["hook_url"]
    return http


def signed(secret: str = SECRET, body: str = BODY, at: datetime | None = None, identifier: str = "msg_1") -> dict:
    at = at or datetime.now(UTC)
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(identifier, at, body),
    }


def deliver(receiver, headers: dict, path: str = "/hooks/default", body: str | bytes = BODY):
    """The answer, and the ledger's entry."""
    count = receiver.get("/count")["count"]
    status, answer_headers, answer = receiver.request(
        "POST", path, body.encode() if isinstance(body, str) else body, headers
    )
    (entry,) = receiver.get(f"/ledger?after={count}")
    return status, answer_headers, answer, entry


def test_the_ready_line_names_a_hook(receiver):
    assert receiver.hook_url == f"{receiver.url}/hooks/default"


def test_a_good_signature_is_valid(receiver):
    status, _, _, entry = deliver(receiver, signed())
    assert status == 200
    assert (entry["signature"], entry["reason"]) == ("valid", None)
    assert entry["id"] == "msg_1" and entry["body"] == BODY and entry["method"] == "POST"
    assert entry["headers"]["webhook-id"] == "msg_1"
    assert abs(entry["arrived_ms"] / 1000 - time.time()) < 10
    assert abs(entry["arrived_monotonic"] - time.monotonic()) < 10


@pytest.mark.parametrize(
    ("changes", "body", "validity", "reason"),
    [
        ({"secret": OTHER}, BODY, "invalid", "No matching signature found"),
        ({}, BODY + " ", "invalid", "No matching signature found"),
        ({"minutes": -6}, BODY, "invalid", "Message timestamp too old"),
        ({"minutes": 6}, BODY, "invalid", "Message timestamp too new"),
        ({"signature": "nonsense"}, BODY, "invalid", None),
        ({"signature": None}, BODY, "missing", None),
    ],
)
def test_bad_signatures_are_told_apart(receiver, changes, body, validity, reason):
    at = datetime.now(UTC) + timedelta(minutes=changes.get("minutes", 0))
    headers = signed(changes.get("secret", SECRET), at=at)
    if "signature" in changes:
        headers["webhook-signature"] = changes["signature"]
    headers = {name: value for name, value in headers.items() if value is not None}
    _, _, _, entry = deliver(receiver, headers, body=body)
    assert entry["signature"] == validity
    assert reason is None or entry["reason"] == reason


def test_one_of_several_signatures_suffices(receiver):
    headers = signed()
    headers["webhook-signature"] = signed(OTHER)["webhook-signature"] + " " + headers["webhook-signature"]
    assert deliver(receiver, headers)[3]["signature"] == "valid"


def test_a_path_can_have_secrets_of_its_own(receiver):
    receiver.post("/secrets", {"path": "/hooks/own", "secrets": [OTHER]})
    assert deliver(receiver, signed(OTHER), "/hooks/own")[3]["signature"] == "valid"
    assert deliver(receiver, signed(), "/hooks/own")[3]["signature"] == "invalid"
    assert deliver(receiver, signed())[3]["signature"] == "valid"
    receiver.post("/secrets", {"path": "/hooks/own", "secrets": []})
    assert deliver(receiver, signed(), "/hooks/own")[3]["signature"] == "unchecked"


def test_asymmetric_signatures_are_verified(receiver):
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    receiver.post("/secrets", {"path": "/hooks/a", "secrets": ["whpk_" + base64.b64encode(public).decode()]})
    headers = signed()
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{BODY}".encode()
    headers["webhook-signature"] += " v1a," + base64.b64encode(key.sign(content)).decode()
    assert deliver(receiver, headers, "/hooks/a")[3]["signature"] == "valid"
    assert deliver(receiver, headers, "/hooks/a", BODY + " ")[3]["signature"] == "invalid"


def test_the_known_asymmetric_vector_verifies():
    """From the libraries of Standard Webhooks. Its time lies in the past, so only the signature is looked at."""
    from receivers import webhook

    public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
    signature = "hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    secret = webhook.PublicKeySecret(public)
    content = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    secret._key.verify(base64.b64decode(signature), content)


def test_repeated_ids_are_counted(receiver):
    headers = signed(identifier="msg_again")
    assert [deliver(receiver, headers)[3]["seen"] for _ in range(3)] == [1, 2, 3]


def test_a_body_that_is_no_text_is_kept_as_base64(receiver):
    entry = deliver(receiver, {}, body=b"\xff\x00")[3]
    assert base64.b64decode(entry["body_base64"]) == b"\xff\x00"


def test_answers_follow_the_script_of_their_path(receiver):
    sequence = [500, {"status": 429, "retryAfter": 7, "times": 2}, {"redirect": "http://elsewhere.example/"}]
    receiver.post("/behave", {"path": "/hooks/s", "sequence": sequence, "then": 410})
    statuses = []
    for _ in range(6):
        status, headers, _, entry = deliver(receiver, {}, "/hooks/s")
        statuses.append(status)
        assert (headers.get("retry-after") == "7") == (status == 429)
        assert (headers.get("location") == "http://elsewhere.example/") == (status == 302)
        assert entry["answered"] == status or status == 302
    assert statuses == [500, 429, 429, 302, 410, 410]
    assert deliver(receiver, {}, "/hooks/other")[0] == 200


def test_a_script_can_repeat_and_be_reset(receiver):
    receiver.post("/behave", {"path": "*", "sequence": [503, 200], "repeat": True})
    assert [deliver(receiver, {}, "/hooks/r")[0] for _ in range(4)] == [503, 200, 503, 200]
    receiver.post("/reset", {})
    assert [deliver(receiver, {}, "/hooks/r")[0] for _ in range(2)] == [200, 200]


def test_connections_can_break(receiver):
    sequence = [{"drop": True}, {"reset": True}, {"truncate": True, "bodyBytes": 1000}]
    receiver.post("/behave", {"path": "/hooks/b", "sequence": sequence})
    count = receiver.get("/count")["count"]
    for expected in (http.client.RemoteDisconnected, ConnectionResetError, http.client.IncompleteRead):
        with pytest.raises(expected):
            receiver.request("POST", "/hooks/b", b"x")
    entries = receiver.get(f"/ledger?after={count}")
    assert [entry["answered"] for entry in entries] == [None, None, 200]


def test_bodies_can_be_huge_or_slow(receiver):
    sequence = [{"bodyBytes": 3_000_000}, {"bodyBytes": 3_000_000, "chunked": True}, {"drip": 0.001}, {"delay": 0.2}]
    receiver.post("/behave", {"path": "/hooks/h", "sequence": sequence})
    assert len(deliver(receiver, {}, "/hooks/h")[2]) == 3_000_000
    _, headers, body, _ = deliver(receiver, {}, "/hooks/h")
    assert len(body) == 3_000_000 and headers["transfer-encoding"] == "chunked"
    assert len(deliver(receiver, {}, "/hooks/h")[2]) == 32
    started = time.monotonic()
    deliver(receiver, {}, "/hooks/h")
    assert time.monotonic() - started >= 0.2


def test_a_hanging_answer_ends_with_its_connection(receiver):
    receiver.post("/behave", {"path": "/hooks/hang", "sequence": [{"hang": True}]})
    with socket.create_connection(receiver.address, timeout=0.3) as connection:
        connection.sendall(b"POST /hooks/hang HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert deliver(receiver, {}, "/hooks/hang")[0] == 200


@pytest.mark.parametrize(
    ("path", "order"),
    [("/secrets", {}), ("/secrets", {"secrets": ["whsec_"]}), ("/behave", {"sequence": [{"times": "x"}]})],
)
def test_bad_orders_are_refused(receiver, path, order):
    status, answer = receiver.post(path, order)
    assert status == 400 and answer["error"]


def test_the_file_has_the_entries_of_the_ledger(receiver):
    entries = receiver.get("/ledger?after=0")
    lines = [json.loads(line) for line in receiver.ledger_path.read_text().splitlines()]
    assert lines == entries
    assert [entry["n"] for entry in entries] == list(range(1, len(entries) + 1))


def test_waiting_for_the_ledger_ends_when_enough_is_there(receiver):
    count = receiver.get("/count")["count"]
    started = time.monotonic()
    assert receiver.get(f"/ledger?after={count}&wait=0.2") == []
    assert time.monotonic() - started >= 0.2
    answers = []

    def wait(path: str) -> None:
        answers.append((path, receiver.get(path)))

    paths = [f"/ledger?after={count}&wait=30", f"/count?least={count + 2}&wait=30"]
    threads = [threading.Thread(target=wait, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    deliver(receiver, {})
    threads[0].join(10)
    assert len(dict(answers)[paths[0]]) == 1
    assert threads[1].is_alive()
    deliver(receiver, {})
    threads[1].join(10)
    assert dict(answers)[paths[1]] == {"count": count + 2}


def test_expect_continue_and_chunked_bodies_are_understood(receiver):
    count = receiver.get("/count")["count"]
    with socket.create_connection(receiver.address, timeout=10) as connection:
        connection.sendall(b"POST /hooks/e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        connection.sendall(b"POST /hooks/e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n")
        connection.sendall(b"1\r\nf\r\n0\r\nTrailer: 1\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert [entry["body"] for entry in receiver.get(f"/ledger?after={count}")] == ["abc", "def"]


@pytest.mark.parametrize("request_bytes", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"])
def test_what_is_not_http_is_refused(receiver, request_bytes):
    with socket.create_connection(receiver.address, timeout=10) as connection:
        connection.sendall(request_bytes)
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_the_fast_mode_only_counts(programs):
    program = programs("receivers/webhook.py", "--fast")
    receiver = HTTP(program.ready["url"])
    for _ in range(5):
        receiver.request("POST", "/hooks/x", b"{}")
    assert receiver.get("/count?least=5&wait=5") == {"count": 5}
    assert receiver.get("/ledger?after=0") == []
