"""The registries' events and functions against the facts of ERC-8004 version 2, written down independently."""

import time

import pytest
from conftest import RPCFailure, topic
from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode
from eth_account import Account
from eth_hash.auto import keccak

from node import contracts
from node.registries import EVENTS

TOPICS = {
    "Registered": "0xca52e62c367d81bb2e328eb795f7c7ba24afb478408a26c0e201d155c449bc4a",
    "MetadataSet": "0x2c149ed548c6d2993cd73efe187df6eccabe4538091b33adbd25fafdb8a1468b",
    "URIUpdated": "0x3a2c7fffc2cba7582c690e3b82c453ea02a308326a98a3ad7576c606336409fb",
    "Transfer": "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
    "Approval": "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
    "ApprovalForAll": "0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31",
    "MetadataUpdate": "0xf8e1a15aba9398e019f0b49df1a4fde98ee17ae345cb5f6b5e2c27f5033e8ce7",
    "NewFeedback": "0x6a4a61743519c9d648a14e6493f47dbe3ff1aa29e7785c96c8326a205e58febc",
    "FeedbackRevoked": "0x25156fd3288212246d8b008d5921fde376c71ed14ac2e072a506eb06fde6d09d",
    "ResponseAppended": "0xb1c6be0b5b8aef6539e2fac0fd131a2faa7b49edf8e505b5eb0ad487d56051d4",
    "ValidationRequest": "0x530436c3634a98e1e626b0898be2f1e9980cc1bd2a78c07a0aba52d0a48a5059",
    "ValidationResponse": "0xafddf629e874ccc3963b6a888c477bd464a6c8525024fc88759ea3b2326349ae",
}
WALLET_KEY = "0x2ac6109326e720d1435c0db66f7e35eda7839f52b6f1f5520a60788e132b4e39"
ZERO = "0x" + "00" * 20
DIGEST = keccak(b"file")

SELECTORS = {
    "identity": {
        "0x6352211e": "ownerOf(uint256)",
        "0xc87b56dd": "tokenURI(uint256)",
        "0x70a08231": "balanceOf(address)",
        "0x081812fc": "getApproved(uint256)",
        "0xe985e9c5": "isApprovedForAll(address,address)",
        "0x01ffc9a7": "supportsInterface(bytes4)",
        "0x06fdde03": "name()",
        "0x95d89b41": "symbol()",
        "0xcb4799f2": "getMetadata(uint256,string)",
        "0x00339509": "getAgentWallet(uint256)",
        "0xd95e72be": "isAuthorizedOrOwner(address,uint256)",
        "0x1aa3a008": "register()",
        "0xf2c298be": "register(string)",
        "0x8ea42286": "register(string,(string,bytes)[])",
        "0x0af28bd3": "setAgentURI(uint256,string)",
        "0x466648da": "setMetadata(uint256,string,bytes)",
        "0x2d1ef5ae": "setAgentWallet(uint256,address,uint256,bytes)",
        "0x3fddcf19": "unsetAgentWallet(uint256)",
        "0x0d8e6e2c": "getVersion()",
        "0x8da5cb5b": "owner()",
        "0x23b872dd": "transferFrom(address,address,uint256)",
        "0x42842e0e": "safeTransferFrom(address,address,uint256)",
        "0xb88d4fde": "safeTransferFrom(address,address,uint256,bytes)",
        "0x095ea7b3": "approve(address,uint256)",
        "0xa22cb465": "setApprovalForAll(address,bool)",
    },
    "reputation": {
        "0xbc4d861b": "getIdentityRegistry()",
        "0x81bbba58": "getSummary(uint256,address[],string,string)",
        "0x232b0810": "readFeedback(uint256,address,uint64)",
        "0x42dd519c": "getClients(uint256)",
        "0xf2d81759": "getLastIndex(uint256,address)",
        "0x6e04cacd": "getResponseCount(uint256,address,uint64,address[])",
        "0x3c036a7e": "giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)",
        "0x4ab3ca99": "revokeFeedback(uint256,uint64)",
        "0xc2349ab2": "appendResponse(uint256,address,uint64,string,bytes32)",
    },
    "validation": {
        "0xff2febfc": "getValidationStatus(bytes32)",
        "0x1b7cabd6": "getSummary(uint256,address[],string)",
        "0x8d5d0c2d": "getAgentValidations(uint256)",
        "0x4bf3158c": "getValidatorRequests(address)",
        "0xaaf400c4": "validationRequest(address,uint256,string,bytes32)",
        "0x3d659a96": "validationResponse(bytes32,uint8,string,bytes32,string)",
    },
}

FEEDBACK = "giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)"
RESPOND = "appendResponse(uint256,address,uint64,string,bytes32)"
REVOKE = "revokeFeedback(uint256,uint64)"
REQUEST = "validationRequest(address,uint256,string,bytes32)"
ANSWER = "validationResponse(bytes32,uint8,string,bytes32,string)"


def log(name: str, *topics, types=(), values=()) -> tuple:
    """A log as it must be, topics and data to the byte."""
    return [TOPICS[name], *map(topic, topics)], "0x" + abi_encode(types, values).hex()


def wallet_set(agent: int, value: bytes) -> tuple:
    topics, data = log("MetadataSet", agent, types=["string", "bytes"], values=["agentWallet", value])
    return [*topics, WALLET_KEY], data


def logs(receipt: dict) -> list[tuple]:
    return [(log["topics"], log["data"]) for log in receipt["logs"]]


def raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def test_topics_are_those_of_the_standard():
    assert {event.name: "0x" + event.topic.hex() for event in EVENTS} == TOPICS


@pytest.mark.parametrize("name", SELECTORS)
def test_selectors_are_those_of_the_standard(name):
    compiled = {f"0x{value.hex()}": signature for signature, value in contracts.load(name).selectors.items()}
    assert {key: compiled.get(key) for key in SELECTORS[name]} == SELECTORS[name]


@pytest.mark.parametrize("name", SELECTORS)
def test_compiled_events_are_those_written_down(name):
    declared = {event.name: event for event in EVENTS}
    for entry in contracts.load(name).abi:
        if entry["type"] == "event":
            event = declared[entry["name"]]
            assert [item["type"] for item in entry["inputs"]] == [parameter.type for parameter in event.parameters]
            assert [item["indexed"] for item in entry["inputs"]] == [p.is_indexed for p in event.parameters]


def test_register_without_uri_emits_transfer_registered_wallet(devnet):
    owner = devnet.accounts[0]
    receipt = devnet.send(0, "identity", "register()")
    agent = int(receipt["logs"][0]["topics"][3], 16)
    assert logs(receipt) == [
        log("Transfer", ZERO, owner, agent),
        log("Registered", agent, owner, types=["string"], values=[""]),
        wallet_set(agent, raw(owner)),
    ]


@pytest.mark.parametrize("uri", ["", "https://agents.example/1.json", "ünïcode " * 40, "x" * 8192])
def test_register_with_uri_also_emits_metadata_update(devnet, uri):
    owner = devnet.accounts[0]
    receipt = devnet.send(0, "identity", "register(string)", uri)
    agent = int(receipt["logs"][0]["topics"][3], 16)
    assert logs(receipt) == [
        log("Transfer", ZERO, owner, agent),
        log("MetadataUpdate", types=["uint256"], values=[agent]),
        log("Registered", agent, owner, types=["string"], values=[uri]),
        wallet_set(agent, raw(owner)),
    ]
    assert abi_decode(["string"], devnet.call("identity", "tokenURI(uint256)", agent)) == (uri,)


def test_register_with_metadata_emits_each_entry_last(devnet):
    owner = devnet.accounts[0]
    entries = [("service", b"a"), ("", b""), ("k" * 256, b"\x00\xff" * 100)]
    receipt = devnet.send(0, "identity", "register(string,(string,bytes)[])", "ipfs://x", entries)
    agent = int(receipt["logs"][0]["topics"][3], 16)
    assert logs(receipt)[4:] == [
        log("MetadataSet", agent, key, types=["string", "bytes"], values=[key, value]) for key, value in entries
    ]
    for key, value in entries:
        assert abi_decode(["bytes"], devnet.call("identity", "getMetadata(uint256,string)", agent, key)) == (value,)
    assert abi_decode(["bytes"], devnet.call("identity", "getMetadata(uint256,string)", agent, "agentWallet")) == (
        raw(owner),
    )


def test_identity_changes_emit_their_events(devnet):
    owner, other = devnet.accounts[:2]
    agent = devnet.register(0)
    receipt = devnet.send(0, "identity", "setAgentURI(uint256,string)", agent, "ipfs://new")
    assert logs(receipt) == [
        log("MetadataUpdate", types=["uint256"], values=[agent]),
        log("URIUpdated", agent, owner, types=["string"], values=["ipfs://new"]),
    ]
    receipt = devnet.send(0, "identity", "setMetadata(uint256,string,bytes)", agent, "a", b"b")
    assert logs(receipt) == [log("MetadataSet", agent, "a", types=["string", "bytes"], values=["a", b"b"])]
    receipt = devnet.send(0, "identity", "unsetAgentWallet(uint256)", agent)
    assert logs(receipt) == [wallet_set(agent, b"")]
    receipt = devnet.send(0, "identity", "approve(address,uint256)", other, agent)
    assert logs(receipt) == [log("Approval", owner, other, agent)]
    receipt = devnet.send(0, "identity", "setApprovalForAll(address,bool)", other, True)
    assert logs(receipt) == [log("ApprovalForAll", owner, other, types=["bool"], values=[True])]
    devnet.send(0, "identity", "setApprovalForAll(address,bool)", other, False)


@pytest.mark.parametrize(
    "signature", ["transferFrom(address,address,uint256)", "safeTransferFrom(address,address,uint256)"]
)
def test_a_transfer_clears_the_wallet_first_and_the_approval_silently(devnet, signature):
    owner, other = devnet.accounts[:2]
    agent = devnet.register(0)
    devnet.send(0, "identity", "approve(address,uint256)", devnet.accounts[2], agent)
    receipt = devnet.send(2, "identity", signature, owner, other, agent)
    assert logs(receipt) == [wallet_set(agent, b""), log("Transfer", owner, other, agent)]
    assert devnet.call("identity", "ownerOf(uint256)", agent) == raw(topic(other))
    assert devnet.call("identity", "getApproved(uint256)", agent) == bytes(32)
    assert devnet.call("identity", "getAgentWallet(uint256)", agent) == bytes(32)


def test_a_safe_transfer_to_a_contract_that_is_no_receiver_fails(devnet):
    agent = devnet.register(0)
    call = ("identity", "safeTransferFrom(address,address,uint256,bytes)", devnet.accounts[0])
    with pytest.raises(RPCFailure):
        devnet.call(*call, devnet.registries["reputation"], agent, b"", sender=0)
    devnet.send(0, *call, devnet.program.ready["bulk"], agent, b"data")


def test_a_wallet_is_set_with_a_signature_of_the_wallet(devnet):
    owner = devnet.accounts[0]
    agent = devnet.register(0)
    wallet = Account.create()
    deadline = int(devnet.block("latest")["timestamp"], 16) + 200
    typed = {
        "domain": {
            "name": "ERC8004IdentityRegistry",
            "version": "1",
            "chainId": 31337,
            "verifyingContract": devnet.registries["identity"],
        },
        "primaryType": "AgentWalletSet",
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "AgentWalletSet": [
                {"name": "agentId", "type": "uint256"},
                {"name": "newWallet", "type": "address"},
                {"name": "owner", "type": "address"},
                {"name": "deadline", "type": "uint256"},
            ],
        },
        "message": {"agentId": agent, "newWallet": wallet.address, "owner": owner, "deadline": deadline},
    }
    signature = bytes(Account.sign_typed_data(wallet.key, full_message=typed).signature)
    set_wallet = ("identity", "setAgentWallet(uint256,address,uint256,bytes)", agent)
    receipt = devnet.send(0, *set_wallet, wallet.address, deadline, signature)
    assert logs(receipt) == [wallet_set(agent, raw(wallet.address.lower()))]
    assert devnet.call("identity", "getAgentWallet(uint256)", agent)[12:] == raw(wallet.address)
    now = int(devnet.block("latest")["timestamp"], 16)
    for reason, arguments in {
        "invalid wallet sig": (devnet.accounts[3], deadline, signature),
        "bad wallet": (ZERO, deadline, signature),
        "expired": (wallet.address, now - 1, signature),
        "deadline too far": (wallet.address, now + 10_000, signature),
    }.items():
        with pytest.raises(RPCFailure, match=f"execution reverted: {reason}"):
            devnet.call(*set_wallet, *arguments, sender=0)


def test_feedback_events(devnet):
    client, owner = devnet.accounts[1], devnet.accounts[0]
    agent = devnet.register(0)
    given = [
        (-3200, 2, "tradingYield", "month", "https://agents.example/mcp", "ipfs://f", DIGEST),
        (10**38, 18, "", "", "", "", bytes(32)),
        (-(10**38), 0, "tag é", "x" * 1024, "e" * 2048, "u" * 8192, DIGEST),
    ]
    types = ["uint64", "int128", "uint8", "string", "string", "string", "string", "bytes32"]
    for index, (value, decimals, tag1, *rest) in enumerate(given, 1):
        receipt = devnet.send(1, "reputation", FEEDBACK, agent, value, decimals, tag1, *rest)
        values = [index, value, decimals, tag1, *rest]
        assert logs(receipt) == [log("NewFeedback", agent, client, tag1, types=types, values=values)]
    assert int.from_bytes(devnet.call("reputation", "getLastIndex(uint256,address)", agent, client), "big") == 3
    receipt = devnet.send(2, "reputation", RESPOND, agent, client, 2, "ipfs://r", DIGEST)
    assert logs(receipt) == [
        log(
            "ResponseAppended",
            agent,
            client,
            devnet.accounts[2],
            types=["uint64", "string", "bytes32"],
            values=[2, "ipfs://r", DIGEST],
        )
    ]
    receipt = devnet.send(1, "reputation", REVOKE, agent, 1)
    assert logs(receipt) == [log("FeedbackRevoked", agent, client, 1)]
    read = devnet.call("reputation", "readFeedback(uint256,address,uint64)", agent, client, 1)
    assert abi_decode(["int128", "uint8", "string", "string", "bool"], read) == (
        -3200,
        2,
        "tradingYield",
        "month",
        True,
    )
    clients = devnet.call("reputation", "getClients(uint256)", agent)
    assert abi_decode(["address[]"], clients) == ((client,),)
    assert owner not in clients.hex()


def test_the_summary_is_the_mean_in_the_usual_decimals(devnet):
    agent = devnet.register(0)
    for sender, value, decimals, tag in [(1, 9000, 2, "a"), (1, 8000, 2, "a"), (2, 70, 0, "b"), (2, -1, 0, "a")]:
        devnet.send(sender, "reputation", FEEDBACK, agent, value, decimals, tag, "", "", "", bytes(32))
    devnet.send(2, "reputation", REVOKE, agent, 2)
    signature = "getSummary(uint256,address[],string,string)"
    types = ["uint64", "int128", "uint8"]
    clients = devnet.accounts[1:3]
    assert abi_decode(types, devnet.call("reputation", signature, agent, clients, "", "")) == (3, 8000, 2)
    assert abi_decode(types, devnet.call("reputation", signature, agent, clients, "a", "")) == (2, 8500, 2)
    assert abi_decode(types, devnet.call("reputation", signature, agent, clients, "c", "")) == (0, 0, 0)
    with pytest.raises(RPCFailure, match="clientAddresses required"):
        devnet.call("reputation", signature, agent, [], "", "")


def test_validation_events(devnet):
    validator = devnet.accounts[2]
    agent = devnet.register(0)
    request = keccak(f"request of {agent}".encode())
    receipt = devnet.send(0, "validation", REQUEST, validator, agent, "ipfs://q", request)
    topics = [validator, agent, "0x" + request.hex()]
    expected, data = log("ValidationRequest", validator, agent, types=["string"], values=["ipfs://q"])
    assert logs(receipt) == [([*expected, topics[2]], data)]
    for response, tag in [(0, ""), (100, "tee")]:
        receipt = devnet.send(2, "validation", ANSWER, request, response, "ipfs://a", DIGEST, tag)
        types = ["uint8", "string", "bytes32", "string"]
        expected, data = log(
            "ValidationResponse", validator, agent, types=types, values=[response, "ipfs://a", DIGEST, tag]
        )
        assert logs(receipt) == [([*expected, topics[2]], data)]
    status = devnet.call("validation", "getValidationStatus(bytes32)", request)
    decoded = abi_decode(["address", "uint256", "uint8", "bytes32", "string", "uint256"], status)
    timestamp = int(devnet.block("latest")["timestamp"], 16)
    assert decoded == (validator, agent, 100, DIGEST, "tee", timestamp)
    summary = devnet.call("validation", "getSummary(uint256,address[],string)", agent, [], "")
    assert abi_decode(["uint64", "uint8"], summary) == (1, 100)
    assert abi_decode(["bytes32[]"], devnet.call("validation", "getAgentValidations(uint256)", agent)) == ((request,),)


MISSING = 2**200


@pytest.mark.parametrize(
    ("registry", "signature", "arguments", "sender", "reason"),
    [
        ("identity", "setAgentURI(uint256,string)", ["@", "x"], 1, "Not authorized"),
        ("identity", "setMetadata(uint256,string,bytes)", ["@", "agentWallet", b""], 0, "reserved key"),
        ("reputation", FEEDBACK, ["@", 1, 19, "", "", "", "", bytes(32)], 1, "too many decimals"),
        ("reputation", FEEDBACK, ["@", 10**38 + 1, 0, "", "", "", "", bytes(32)], 1, "value too large"),
        ("reputation", FEEDBACK, ["@", 1, 0, "", "", "", "", bytes(32)], 0, "Self-feedback not allowed"),
        ("reputation", REVOKE, ["@", 0], 1, "index must be > 0"),
        ("reputation", REVOKE, ["@", 9], 1, "index out of bounds"),
        ("reputation", RESPOND, ["@", "0x" + "11" * 20, 1, "", bytes(32)], 1, "Empty URI"),
        ("validation", REQUEST, [ZERO, "@", "", bytes(32)], 0, "bad validator"),
        ("validation", REQUEST, ["0x" + "11" * 20, "@", "", bytes(32)], 1, "Not authorized"),
        ("validation", ANSWER, [b"\x01" * 32, 1, "", bytes(32), ""], 1, "unknown"),
        ("validation", "getValidationStatus(bytes32)", [b"\x01" * 32], 1, "unknown"),
    ],
)
def test_reasons_of_reverts(devnet, registry, signature, arguments, sender, reason):
    agent = devnet.register(0)
    arguments = [agent if argument == "@" else argument for argument in arguments]
    with pytest.raises(RPCFailure) as failure:
        devnet.call(registry, signature, *arguments, sender=sender)
    assert failure.value.code == 3
    assert failure.value.message == f"execution reverted: {reason}"
    assert failure.value.data == "0x08c379a0" + abi_encode(["string"], [reason]).hex()


def test_further_reasons_that_need_a_history(devnet):
    agent = devnet.register(0)
    devnet.send(1, "reputation", FEEDBACK, agent, 1, 0, "", "", "", "", bytes(32))
    devnet.send(1, "reputation", REVOKE, agent, 1)
    with pytest.raises(RPCFailure, match="Already revoked"):
        devnet.call("reputation", REVOKE, agent, 1, sender=1)
    request = keccak(f"history {agent}".encode())
    devnet.send(0, "validation", REQUEST, devnet.accounts[2], agent, "", request)
    with pytest.raises(RPCFailure, match="exists"):
        devnet.call("validation", REQUEST, devnet.accounts[2], agent, "", request, sender=0)
    with pytest.raises(RPCFailure, match="not validator"):
        devnet.call("validation", ANSWER, request, 1, "", bytes(32), "", sender=1)
    with pytest.raises(RPCFailure, match="resp>100"):
        devnet.call("validation", ANSWER, request, 101, "", bytes(32), "", sender=2)


@pytest.mark.parametrize(
    ("signature", "arguments", "selector", "types", "values"),
    [
        ("ownerOf(uint256)", [MISSING], "0x7e273289", ["uint256"], [MISSING]),
        ("tokenURI(uint256)", [MISSING], "0x7e273289", ["uint256"], [MISSING]),
        ("getApproved(uint256)", [MISSING], "0x7e273289", ["uint256"], [MISSING]),
        ("setAgentURI(uint256,string)", [MISSING, ""], "0x7e273289", ["uint256"], [MISSING]),
        ("balanceOf(address)", [ZERO], "0x89c62b64", ["address"], [ZERO]),
        ("transferFrom(address,address,uint256)", ["#9", ZERO, "@"], "0x64a0ae92", ["address"], [ZERO]),
        ("transferFrom(address,address,uint256)", ["#0", "#9", "@"], "0x177e802f", ["address", "uint256"], ["#9", "@"]),
        ("approve(address,uint256)", ["#1", "@"], "0xa9fbf51f", ["address"], ["#9"]),
        ("setApprovalForAll(address,bool)", [ZERO, True], "0x5b08ba18", ["address"], [ZERO]),
    ],
)
def test_errors_of_erc721(devnet, signature, arguments, selector, types, values):
    agent = devnet.register(0)

    def filled(items):
        for item in items:
            if item == "@":
                item = agent
            elif isinstance(item, str) and item.startswith("#"):
                item = devnet.accounts[int(item[1:])]
            yield item

    with pytest.raises(RPCFailure) as failure:
        devnet.call("identity", signature, *filled(arguments), sender=9)
    assert failure.value.code == 3
    assert failure.value.message == "execution reverted"
    assert failure.value.data == selector + abi_encode(types, list(filled(values))).hex()


def test_transfer_from_someone_else_names_the_owner(devnet):
    agent = devnet.register(0)
    with pytest.raises(RPCFailure) as failure:
        devnet.call("identity", "transferFrom(address,address,uint256)", *devnet.accounts[1:3], agent, sender=0)
    values = [devnet.accounts[1], agent, devnet.accounts[0]]
    assert failure.value.data == "0x64283d7b" + abi_encode(["address", "uint256", "address"], values).hex()


def test_feedback_for_a_missing_agent_fails_with_the_identity_registrys_error(devnet):
    with pytest.raises(RPCFailure) as failure:
        devnet.call("reputation", FEEDBACK, MISSING, 1, 0, "", "", "", "", bytes(32), sender=1)
    assert failure.value.data == "0x7e273289" + abi_encode(["uint256"], [MISSING]).hex()


def test_reading_a_missing_agent_gives_empty_values(devnet):
    assert devnet.call("identity", "getAgentWallet(uint256)", MISSING) == bytes(32)
    assert abi_decode(["bytes"], devnet.call("identity", "getMetadata(uint256,string)", MISSING, "a")) == (b"",)


def test_what_the_contracts_say_about_themselves(devnet):
    for registry in ("identity", "reputation", "validation"):
        assert abi_decode(["string"], devnet.call(registry, "getVersion()")) == ("2.0.0",)
    assert abi_decode(["string"], devnet.call("identity", "name()")) == ("AgentIdentity",)
    assert abi_decode(["string"], devnet.call("identity", "symbol()")) == ("AGENT",)
    for registry in ("reputation", "validation"):
        assert devnet.call(registry, "getIdentityRegistry()") == raw(topic(devnet.registries["identity"]))
    for interface, supported in {"80ac58cd": 1, "5b5e139f": 1, "49064906": 1, "01ffc9a7": 1, "780e9d63": 0}.items():
        answer = devnet.call("identity", "supportsInterface(bytes4)", bytes.fromhex(interface))
        assert int.from_bytes(answer, "big") == supported


def test_agent_ids_count_from_zero(fresh_devnet):
    node = fresh_devnet()
    assert [node.register(0), node.register(1)] == [0, 1]
    balance = node.call("identity", "balanceOf(address)", node.accounts[0])
    assert int.from_bytes(balance, "big") == 1


def test_strings_may_hold_any_bytes(devnet):
    """The registries do not look at what a string contains, so a log may hold what is no UTF-8."""
    hostile = b"\xff\xfe\x00\x80 nul and worse"
    data = bytes.fromhex("f2c298be") + abi_encode(["bytes"], [hostile])
    digest = devnet.rpc(
        "eth_sendTransaction",
        {"from": devnet.accounts[0], "to": devnet.registries["identity"], "data": "0x" + data.hex()},
    )
    receipt = devnet.rpc("eth_getTransactionReceipt", digest)
    assert receipt["status"] == "0x1"
    assert receipt["logs"][2]["data"] == "0x" + abi_encode(["bytes"], [hostile]).hex()


def test_timestamps_are_near_the_wall_clock(fresh_devnet):
    node = fresh_devnet()
    assert abs(int(node.block("latest")["timestamp"], 16) - time.time()) < 10
