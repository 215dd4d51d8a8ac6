"""JSON-RPC as a client sees it, and blocks whose every hash can be recomputed."""

import http.client
import itertools
import json
import random
import socket
import threading
import time

import pytest
import rlp
from conftest import RPCFailure, topic
from eth_account import Account
from eth_bloom import BloomFilter
from eth_hash.auto import keccak
from trie import HexaryTrie

from node.registries import EVENTS

HEADER_FIELDS = [
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot",
    "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
]  # fmt: skip
QUANTITIES = {
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas",
}  # fmt: skip
TOPIC = {event.name: "0x" + event.topic.hex() for event in EVENTS}


def integer(value: str) -> bytes:
    number = int(value, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def data(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def header_hash(block: dict) -> str:
    fields = [integer(block[name]) if name in QUANTITIES else data(block[name]) for name in HEADER_FIELDS]
    return "0x" + keccak(rlp.encode(fields)).hex()


def list_root(items: list[bytes]) -> str:
    tree = HexaryTrie({})
    for index, item in enumerate(items):
        tree[rlp.encode(index)] = item
    return "0x" + tree.root_hash.hex()


def bloom_of(logs: list[dict]) -> int:
    bloom = BloomFilter()
    for log in logs:
        bloom.add(data(log["address"]))
        for item in log["topics"]:
            bloom.add(data(item))
    return int(bloom)


def encoded_receipt(receipt: dict) -> bytes:
    logs = [
        [data(log["address"]), [data(item) for item in log["topics"]], data(log["data"])] for log in receipt["logs"]
    ]
    fields = [integer(receipt["status"]), integer(receipt["cumulativeGasUsed"]), data(receipt["logsBloom"]), logs]
    return integer(receipt["type"]) + rlp.encode(fields)


def encoded_transaction(transaction: dict) -> bytes:
    to = data(transaction["to"]) if transaction["to"] else b""
    names = ["nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas"]
    fields = [integer(transaction["chainId"]), *[integer(transaction[name]) for name in names], to]
    fields += [integer(transaction["value"]), data(transaction["input"]), []]
    fields += [integer(transaction[name]) for name in ("v", "r", "s")]
    return integer(transaction["type"]) + rlp.encode(fields)


@pytest.fixture(scope="module")
def eventful(devnet):
    """The node after blocks of several sorts: empty, one transaction, many transactions."""
    agent = devnet.register(0, "https://agents.example/1")
    devnet.rpc("dev_mine", {"blocks": 2})
    feedback = "giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)"
    body = []
    for index in range(20):
        tag = f"tag{index % 3}"
        arguments = [agent, index, 0, tag, "", "", "", bytes(32)]
        body.append(devnet.transaction(1 + index % 2, "reputation", feedback, *arguments))
        body.append(devnet.transaction(0, "identity", "register(string)", f"ipfs://{index}"))
    devnet.rpc("dev_batch", {"transactions": body, "perBlock": 15})
    devnet.send(0, "identity", "setMetadata(uint256,string,bytes)", agent, "key", b"value")
    return devnet


def test_headers_hash_to_their_hashes_and_form_a_chain(eventful):
    parent = None
    for number in range(eventful.head() + 1):
        block = eventful.block(number)
        assert block["number"] == hex(number)
        assert block["hash"] == header_hash(block)
        assert eventful.rpc("eth_getBlockByHash", block["hash"], False) == block
        if parent is not None:
            assert block["parentHash"] == parent["hash"]
            assert int(block["timestamp"], 16) > int(parent["timestamp"], 16)
        parent = block


def test_blooms_and_roots_belong_to_the_receipts_and_transactions(eventful):
    counts = set()
    for number in range(eventful.head() + 1):
        block = eventful.block(number, True)
        receipts = eventful.rpc("eth_getBlockReceipts", hex(number))
        assert receipts == eventful.rpc("eth_getBlockReceipts", block["hash"])
        assert receipts == eventful.rpc("eth_getBlockReceipts", {"blockHash": block["hash"]})
        logs = [log for receipt in receipts for log in receipt["logs"]]
        assert int(block["logsBloom"], 16) == bloom_of(logs)
        for receipt in receipts:
            assert int(receipt["logsBloom"], 16) == bloom_of(receipt["logs"])
        assert block["receiptsRoot"] == list_root([encoded_receipt(receipt) for receipt in receipts])
        assert block["transactionsRoot"] == list_root([encoded_transaction(item) for item in block["transactions"]])
        assert block["gasUsed"] == (receipts[-1]["cumulativeGasUsed"] if receipts else "0x0")
        assert logs == eventful.rpc("eth_getLogs", {"blockHash": block["hash"]})
        assert [log["logIndex"] for log in logs] == [hex(index) for index in range(len(logs))]
        for index, (transaction, receipt) in enumerate(zip(block["transactions"], receipts, strict=True)):
            assert transaction["hash"] == "0x" + keccak(encoded_transaction(transaction)).hex()
            assert transaction == eventful.rpc("eth_getTransactionByHash", transaction["hash"])
            assert receipt == eventful.rpc("eth_getTransactionReceipt", transaction["hash"])
            assert receipt["transactionIndex"] == transaction["transactionIndex"] == hex(index)
            assert {log["transactionHash"] for log in receipt["logs"]} <= {transaction["hash"]}
        counts.add(len(receipts))
    assert counts >= {0, 1, 15}


def test_full_transactions_match_their_hashes(eventful):
    for number in range(eventful.head() + 1):
        full = eventful.block(number, True)["transactions"]
        assert [item["hash"] for item in full] == eventful.block(number)["transactions"]


def matches(log: dict, addresses, topics) -> bool:
    if addresses and log["address"] not in addresses:
        return False
    if len(log["topics"]) < len(topics):
        return False
    for wanted, found in zip(topics, log["topics"]):
        options = [wanted] if isinstance(wanted, str) else wanted
        if options and None not in options and found not in options:
            return False
    return True


def test_get_logs_selects_what_a_plain_search_selects(eventful):
    everything = eventful.rpc("eth_getLogs", {"fromBlock": "earliest", "toBlock": "latest"})
    assert everything
    chance = random.Random(5)
    registries = list(eventful.registries.values())
    first = [None, [], TOPIC["Registered"], TOPIC["NewFeedback"], [TOPIC["Transfer"], TOPIC["MetadataSet"]]]
    second = [None, topic(3), [topic(3), topic(4)], topic("0x" + "00" * 20), [topic(5), None]]
    third = [None, topic(eventful.accounts[1]), topic("agentWallet")]
    fourth = [None, topic("tag1"), [topic("tag0"), topic("tag2")]]
    found = 0
    for _ in range(150):
        addresses = chance.choice([None, [], registries[0], registries[1:], registries])
        topics = [chance.choice(options) for options in (first, second, third, fourth)][: chance.randrange(5)]
        low = chance.randrange(eventful.head() + 1)
        high = chance.randrange(low, eventful.head() + 1)
        query = {"fromBlock": hex(low), "toBlock": hex(high), "topics": topics}
        if addresses is not None:
            query["address"] = addresses
        wanted = [addresses] if isinstance(addresses, str) else addresses
        expected = [
            log for log in everything if low <= int(log["blockNumber"], 16) <= high and matches(log, wanted, topics)
        ]
        assert eventful.rpc("eth_getLogs", query) == expected
        found += bool(expected)
    assert found > 20


def test_an_address_may_be_written_in_any_case(eventful):
    address = eventful.registries["identity"]
    query = {"fromBlock": "0x0", "address": "0x" + address[2:].upper()}
    assert eventful.rpc("eth_getLogs", query) == eventful.rpc("eth_getLogs", {"fromBlock": "0x0", "address": address})


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ({"fromBlock": "0x5", "toBlock": "0x1"}, -32602, "invalid block range params"),
        ({"fromBlock": "0x0", "toBlock": "0xfffff"}, -32602, "block range extends beyond current head block"),
        ({"blockHash": "0x" + "11" * 32}, -32000, "unknown block"),
        ({"blockHash": "0x" + "11" * 32, "fromBlock": "0x1"}, -32602, "cannot specify both"),
        ({"fromBlock": "0x01"}, -32602, "leading zero"),
        ({"fromBlock": "12"}, -32602, "without 0x prefix"),
        ({"topics": [None] * 5}, -32602, "exceed max topics"),
        ({"address": "0x1234"}, -32602, "want 40"),
        ({"topics": ["0x12"]}, -32602, "want 64"),
    ],
)
def test_get_logs_refuses(devnet, query, code, message):
    with pytest.raises(RPCFailure) as failure:
        devnet.rpc("eth_getLogs", query)
    assert failure.value.code == code
    assert message in failure.value.message


def test_limits_of_get_logs_are_reported_with_a_hint(fresh_devnet):
    node = fresh_devnet("--max-log-range", "5", "--max-log-results", "6")
    for _ in range(4):
        node.register(0)
    with pytest.raises(RPCFailure) as failure:
        node.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "0x5"})
    assert (failure.value.code, failure.value.message) == (-32005, "block range too large, range: 6, max: 5")
    with pytest.raises(RPCFailure) as failure:
        node.rpc("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x5"})
    assert failure.value.message == "query exceeds max results 6, retry with the range 1-3"
    assert len(node.rpc("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x3"})) == 6


# ------------------------------------------------------------------ the protocol


def test_a_batch_is_answered_element_by_element(devnet):
    answers = json.loads(
        devnet.raw(
            [
                {"jsonrpc": "2.0", "id": 7, "method": "eth_chainId"},
                {"jsonrpc": "2.0", "id": "a", "method": "eth_nonsense"},
                {"jsonrpc": "2.0", "method": "eth_chainId"},
                17,
                {"jsonrpc": "2.0", "id": None, "method": "eth_getLogs", "params": [{"fromBlock": 5}]},
                {"jsonrpc": "2.0", "id": 8, "method": "eth_getBlockByNumber", "params": []},
                {"jsonrpc": "2.0", "id": 9, "method": "eth_call", "params": {"to": "0x"}},
            ]
        )
    )
    assert [answer["id"] for answer in answers] == [7, "a", None, None, 8, 9]
    assert answers[0] == {"jsonrpc": "2.0", "id": 7, "result": "0x7a69"}
    codes = [answer.get("error", {}).get("code") for answer in answers]
    assert codes == [None, -32601, -32600, None, -32602, -32602]


@pytest.mark.parametrize(
    ("body", "code"), [("{", -32700), ("[]", -32600), ("17", -32600), ('{"id":1}', -32600), ('{"method":5}', -32600)]
)
def test_malformed_requests_get_the_standard_codes(devnet, body, code):
    assert json.loads(devnet.raw(body))["error"]["code"] == code


def test_a_notification_gets_no_answer(devnet):
    assert devnet.raw({"jsonrpc": "2.0", "method": "eth_chainId"}) == b""


def test_one_connection_serves_many_requests(devnet):
    connection = http.client.HTTPConnection(*devnet.http.address)
    ports = set()
    for identifier in range(50):
        connection.request("POST", "/", json.dumps({"jsonrpc": "2.0", "id": identifier, "method": "eth_blockNumber"}))
        assert json.loads(connection.getresponse().read())["id"] == identifier
        ports.add(connection.sock.getsockname()[1])
    assert len(ports) == 1
    connection.close()


def exchange(address, request: bytes, answers: int) -> bytes:
    """Sends raw bytes and reads until that many answers are there."""
    received = b""
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(request)
        while received.count(b'"jsonrpc"') < answers:
            chunk = connection.recv(65536)
            if not chunk:
                break
            received += chunk
    return received


def test_pipelined_and_chunked_requests_are_answered_in_order(devnet):
    body = b'{"jsonrpc":"2.0","id":%d,"method":"eth_chainId"}'
    plain = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
    first, second, third = (body % number for number in (1, 2, 3))
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n"
    request = plain % (len(first), first) + chunked % (9, second[:9], len(second) - 9, second[9:])
    answer = exchange(devnet.http.address, request + plain % (len(third), third), 3)
    positions = [answer.index(b'"id":%d' % number) for number in (1, 2, 3)]
    assert positions == sorted(positions)


def test_get_is_refused_with_405(devnet):
    status, headers, _ = devnet.http.request("GET", "/")
    assert (status, headers["allow"]) == (405, "POST")


# -------------------------------------------------------------------- the state


def test_tags_name_blocks_behind_the_head(devnet):
    devnet.rpc("dev_mine", {"blocks": 5})
    head = devnet.head()
    numbers = {tag: int(devnet.block(tag)["number"], 16) for tag in ("latest", "safe", "finalized", "earliest")}
    assert numbers == {"latest": head, "safe": head - 2, "finalized": head - 4, "earliest": 0}
    pending = devnet.block("pending")
    assert int(pending["number"], 16) == head + 1
    assert pending["parentHash"] == devnet.block("latest")["hash"]
    assert devnet.block(head + 1) is None


def test_distances_of_the_tags_are_options(fresh_devnet):
    node = fresh_devnet("--safe", "1", "--finalized", "3", "--chain-id", "8453")
    assert node.rpc("eth_chainId") == "0x2105"
    assert node.rpc("net_version") == "8453"
    assert node.block("finalized")["number"] == "0x0"
    node.rpc("dev_mine", {"blocks": 9})
    assert [int(node.block(tag)["number"], 16) for tag in ("latest", "safe", "finalized")] == [10, 9, 7]


def test_calls_read_the_state_of_their_block(devnet):
    agent = devnet.register(0, "first")
    before = devnet.block("latest")
    devnet.send(0, "identity", "setAgentURI(uint256,string)", agent, "second")
    call = lambda block: devnet.call("identity", "tokenURI(uint256)", agent, block=block)  # noqa: E731
    assert b"second" in call("latest")
    for selector in (
        before["number"],
        before["hash"],
        {"blockHash": before["hash"]},
        {"blockNumber": before["number"]},
    ):
        assert b"first" in call(selector)
    with pytest.raises(RPCFailure, match="header not found"):
        call("0xfffffff")
    with pytest.raises(RPCFailure, match="header for hash not found"):
        call({"blockHash": "0x" + "11" * 32})


def test_code_is_there_from_the_deployment_on(devnet):
    for address in devnet.registries.values():
        assert len(devnet.rpc("eth_getCode", address, "latest")) > 1000
        assert devnet.rpc("eth_getCode", address, "0x0") == "0x"
    assert devnet.rpc("eth_call", {"to": devnet.accounts[0], "data": "0x12345678"}, "latest") == "0x"


def test_a_signed_transaction_moves_value(devnet):
    sender = Account.from_key(devnet.keys[5])
    target = Account.create().address
    base = {"chainId": 31337, "gas": 21000, "to": target, "value": 123}
    forms = [
        {"gasPrice": 10**10},
        {"gasPrice": 10**10, "accessList": [{"address": target, "storageKeys": ["0x" + "01" * 32]}], "gas": 50_000},
        {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9},
    ]
    first = int(devnet.rpc("eth_getTransactionCount", sender.address, "latest"), 16)
    for kind, form in enumerate(forms):
        signed = sender.sign_transaction({**base, **form, "nonce": first + kind})
        digest = devnet.rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
        assert digest == "0x" + bytes(signed.hash).hex()
        transaction = devnet.rpc("eth_getTransactionByHash", digest)
        assert transaction["from"] == sender.address.lower()
        assert transaction["type"] == hex(kind)
        assert devnet.rpc("eth_getTransactionReceipt", digest)["status"] == "0x1"
    assert int(devnet.rpc("eth_getBalance", target, "latest"), 16) == 3 * 123
    assert devnet.rpc("eth_getTransactionCount", sender.address, "latest") == hex(first + 3)


def test_bad_transactions_are_refused_with_reasons(fresh_devnet):
    devnet = fresh_devnet()
    sender = Account.from_key(devnet.keys[6])
    base = {"chainId": 31337, "gas": 21000, "to": sender.address, "value": 0, "gasPrice": 10**10, "nonce": 0}

    def refused(**changes) -> str:
        signed = sender.sign_transaction({**base, **changes})
        with pytest.raises(RPCFailure) as failure:
            devnet.rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
        assert failure.value.code == -32000
        return failure.value.message

    assert refused(nonce=1) == "nonce too high: next nonce 0, tx nonce 1"
    assert refused(chainId=1).startswith("invalid chain id for signer")
    assert refused(gas=20_000).startswith("intrinsic gas too low")
    assert "afford" in refused(value=10**30) or "balance" in refused(value=10**30)
    assert "base fee" in refused(gasPrice=1)
    signed = sender.sign_transaction(base)
    raw = "0x" + bytes(signed.raw_transaction).hex()
    devnet.rpc("eth_sendRawTransaction", raw)
    with pytest.raises(RPCFailure, match="already known"):
        devnet.rpc("eth_sendRawTransaction", raw)
    assert refused(value=1) == "nonce too low: next nonce 1, tx nonce 0"
    with pytest.raises(RPCFailure):
        devnet.rpc("eth_sendRawTransaction", raw[:-2])
    with pytest.raises(RPCFailure, match="unknown account"):
        devnet.rpc("eth_sendTransaction", {"from": "0x" + "77" * 20, "to": sender.address})


def test_a_failed_transaction_is_included_with_status_zero(devnet):
    transaction = devnet.transaction(1, "identity", "setAgentURI(uint256,string)", 2**100, "x")
    receipt = devnet.rpc("eth_getTransactionReceipt", devnet.rpc("eth_sendTransaction", transaction))
    assert receipt["status"] == "0x0"
    assert receipt["logs"] == []


def test_an_estimate_suffices_and_is_close(devnet):
    transaction = devnet.transaction(0, "identity", "register(string)", "https://agents.example/1")
    estimate = devnet.rpc("eth_estimateGas", transaction)
    digest = devnet.rpc("eth_sendTransaction", {**transaction, "gas": estimate})
    receipt = devnet.rpc("eth_getTransactionReceipt", digest)
    assert receipt["status"] == "0x1"
    assert int(estimate, 16) < 1.3 * int(receipt["gasUsed"], 16)
    with pytest.raises(RPCFailure, match="execution reverted: Not authorized"):
        devnet.rpc("eth_estimateGas", devnet.transaction(9, "identity", "setAgentURI(uint256,string)", 0, "x"))


def test_a_batch_of_transactions_is_one_block(devnet):
    body = [devnet.transaction(0, "identity", "register()") for _ in range(30)]
    body.append(devnet.transaction(3, "identity", "setAgentURI(uint256,string)", 2**100, "x"))
    before = devnet.head()
    answer = devnet.rpc("dev_batch", {"transactions": body, "receipts": True})
    assert devnet.head() == before + 1
    assert [int(block["number"], 16) for block in answer["blocks"]] == [before + 1]
    assert devnet.block(before + 1)["transactions"] == answer["hashes"]
    assert answer["failed"] == [30]
    assert answer["receipts"] == devnet.rpc("eth_getBlockReceipts", hex(before + 1))


def test_a_batch_with_a_bad_transaction_says_so(devnet):
    with pytest.raises(RPCFailure, match="intrinsic gas too low"):
        devnet.rpc("dev_batch", {"transactions": [{"to": devnet.accounts[0], "gas": "0x1"}]})
    with pytest.raises(RPCFailure):
        devnet.rpc("dev_batch", {"transactions": "no"})
    devnet.register(0)


def test_reads_are_answered_while_a_batch_executes(devnet):
    body = [devnet.transaction(0, "identity", "register(string)", "x" * 200) for _ in range(600)]
    finished = threading.Event()
    failures = []

    def execute() -> None:
        try:
            devnet.rpc("dev_batch", {"transactions": body})
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            finished.set()

    before = devnet.head()
    threading.Thread(target=execute).start()
    slowest = 0.0
    reads = 0
    while not finished.is_set():
        started = time.monotonic()
        assert devnet.head() in (before, before + 1)
        slowest = max(slowest, time.monotonic() - started)
        reads += 1
    assert not failures
    assert devnet.head() == before + 1
    assert reads > 3
    assert slowest < 2


# -------------------------------------------------------------- making of blocks


def test_an_idle_node_makes_blocks_on_request_only(fresh_devnet):
    node = fresh_devnet("--idle")
    transaction = node.transaction(0, "identity", "register()")
    digests = [node.rpc("eth_sendTransaction", transaction) for _ in range(3)]
    assert node.head() == 1
    assert node.rpc("eth_getTransactionReceipt", digests[0]) is None
    assert node.rpc("eth_getTransactionCount", node.accounts[0], "latest") == "0x0"
    assert node.rpc("eth_getTransactionCount", node.accounts[0], "pending") == "0x3"
    assert node.block("pending")["transactions"] == digests
    node.rpc("dev_mine", {"blocks": 2})
    assert node.head() == 3
    assert node.block(2)["transactions"] == digests
    assert node.block(3)["transactions"] == []


def test_blocks_come_at_intervals(fresh_devnet):
    node = fresh_devnet("--block-time", "0.1", "--shared-timestamps")
    digest = node.rpc("eth_sendTransaction", node.transaction(0, "identity", "register()"))
    deadline = time.monotonic() + 20
    while node.head() < 12 or node.rpc("eth_getTransactionReceipt", digest) is None:
        assert time.monotonic() < deadline
    stamps = [int(node.block(number)["timestamp"], 16) for number in range(1, 13)]
    assert all(later >= earlier for earlier, later in itertools.pairwise(stamps))
    assert len(set(stamps)) < len(stamps)
    assert abs(stamps[-1] - time.time()) < 5


def test_a_snapshot_can_be_returned_to(fresh_devnet):
    node = fresh_devnet()
    node.register(0)
    head = node.block("latest")
    snapshot = node.rpc("evm_snapshot")
    node.register(0)
    node.register(0)
    assert node.rpc("evm_revert", snapshot) is True
    assert node.block("latest") == head
    assert node.register(0) == 1
    assert node.rpc("evm_revert", snapshot) is False
