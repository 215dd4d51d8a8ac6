#!/usr/bin/env python3
"""Acts on the registries of a running development chain. See README.md.

Every command prints one line of JSON.
"""

import argparse
import http.client
import json
import os
import re
import secrets
import sys
import time
from urllib.parse import urlsplit

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from eth_abi.exceptions import EncodingError
from eth_hash.auto import keccak

from node.registries import BULK, BY_TOPIC, IDENTITY, REPUTATION, VALIDATION, call_data, described_error

ZERO_HASH = bytes(32)
# Calls to a registry inside one transaction of the bulk contract.
CALLS_PER_TRANSACTION = 50


class Failure(Exception):
    """Ends the command; the message says what to do."""


class RPC:
    """A JSON-RPC client on one kept connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise Failure(f"--rpc {url} is not an http URL; the node prints its own as rpc_url when it starts")
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=600)

    def call(self, method: str, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            self._connection.request("POST", "/", body, {"content-type": "application/json"})
            answer = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException) as error:
            raise Failure(
                f"no node answers at {self.url} ({error}); start one with `Tools/devnet/run devnet --port 8545` "
                "or name its rpc_url with --rpc"
            ) from error
        except ValueError as error:
            raise Failure(f"{self.url} does not speak JSON-RPC; name the rpc_url of a node with --rpc") from error
        if "error" in answer:
            raise Failure(f"{method}: {_reason(answer['error'])}")
        return answer["result"]


def _reason(error: dict) -> str:
    data = error.get("data")
    described = described_error(bytes.fromhex(data[2:])) if isinstance(data, str) else None
    return f"{error['message']}: {described}" if described else error["message"]


class Session:
    """The node with its registries and accounts."""

    def __init__(self, rpc: RPC) -> None:
        self.rpc = rpc
        self.information = rpc.call("dev_info")
        self.identity = self.information["registries"]["identity"]
        self.reputation = self.information["registries"]["reputation"]
        self.validation = self.information["registries"]["validation"]
        self.bulk = self.information["bulk"]

    def account(self, index: int) -> dict:
        accounts = self.information["accounts"]
        if not 0 <= index < len(accounts):
            raise Failure(f"there is no account {index}; the node has 0 to {len(accounts) - 1}")
        return accounts[index]

    def address(self, account: str) -> str:
        """The address that an index or an address names."""
        if account.isdigit():
            return self.account(int(account))["address"]
        if not re.fullmatch(r"0x[0-9a-fA-F]{40}", account):
            raise Failure(f"{account} is not an address, nor the index of an account")
        return account

    def transaction(self, sender: int, to: str, data: bytes) -> dict:
        return {"from": self.account(sender)["address"], "to": to, "data": "0x" + data.hex()}

    def send(self, *transactions: dict) -> dict:
        """Executes the transactions, one block each, and reports them."""
        results = [self._sent(transaction) for transaction in transactions]
        return results[0] if len(results) == 1 else {"transactions": results}

    def _sent(self, transaction: dict) -> dict:
        digest = self.rpc.call("eth_sendTransaction", transaction)
        receipt = self._receipt(digest)
        if receipt["status"] != "0x1":
            before = hex(int(receipt["blockNumber"], 16) - 1)
            self.rpc.call("eth_call", transaction, before)  # raises with the reason
            raise Failure(f"transaction {digest} failed for lack of gas or because of an earlier one in its block")
        return {
            "transactionHash": digest,
            "blockNumber": int(receipt["blockNumber"], 16),
            "blockHash": receipt["blockHash"],
            "visibleMs": time.time_ns() // 1_000_000,
            "logs": [described(log) for log in receipt["logs"]],
        }

    def _receipt(self, digest: str) -> dict:
        """Waits for inclusion, for a node that makes blocks at intervals."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            receipt = self.rpc.call("eth_getTransactionReceipt", digest)
            if receipt is not None:
                return receipt
            time.sleep(0.02)
        raise Failure(f"transaction {digest} was not included for 60 s; if the node is idle, run `devnetctl mine`")

    def owner_account(self, agent: int) -> int:
        """Index of the account that owns the agent."""
        answer = self.rpc.call(
            "eth_call", {"to": self.identity, "data": "0x" + call_data(IDENTITY["owner_of"], agent).hex()}, "latest"
        )
        owner = "0x" + answer[-40:]
        for index, account in enumerate(self.information["accounts"]):
            if account["address"] == owner:
                return index
        raise Failure(f"agent {agent} belongs to {owner}, which is no account of this node; name a sender with --from")


def described(log: dict) -> dict:
    """The log with its event's name and arguments, when it is one of the registries'."""
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    event = BY_TOPIC.get(topics[0]) if topics else None
    if event is None:
        return log
    arguments = event.decode(topics, bytes.fromhex(log["data"][2:]))
    return {**log, "event": event.name, "arguments": {name: _plain(value) for name, value in arguments.items()}}


def _plain(value):
    """Bytes as hexadecimal, integers as decimal strings: an agent id may exceed what JSON readers hold."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _hash_argument(value: str) -> bytes:
    """A hash in hexadecimal, or the Keccak of any other text."""
    if value.startswith("0x") and len(value) == 66:
        return bytes.fromhex(value[2:])
    return keccak(value.encode())


def _pair(value: str) -> tuple[str, bytes]:
    """`key=value`; a value that begins with 0x is hexadecimal."""
    key, separator, content = value.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{value!r} is not key=value")
    return key, bytes.fromhex(content[2:]) if content.startswith("0x") else content.encode()


def register(session: Session, options) -> dict:
    if options.metadata:
        data = call_data(IDENTITY["register_metadata"], options.uri or "", options.metadata)
    elif options.uri is not None:
        data = call_data(IDENTITY["register_uri"], options.uri)
    else:
        data = call_data(IDENTITY["register"])
    transaction = session.transaction(options.sender or 0, session.identity, data)
    return session.send(*[transaction] * options.count)


def _feedback_data(options, agent: int) -> bytes:
    return call_data(
        REPUTATION["give_feedback"],
        agent,
        options.value,
        options.decimals,
        options.tag1,
        options.tag2,
        options.endpoint,
        options.uri,
        options.hash,
    )


def feedback(session: Session, options) -> dict:
    sender = 1 if options.sender is None else options.sender
    return session.send(session.transaction(sender, session.reputation, _feedback_data(options, options.agent)))


def revoke(session: Session, options) -> dict:
    sender = 1 if options.sender is None else options.sender
    data = call_data(REPUTATION["revoke_feedback"], options.agent, options.index)
    return session.send(session.transaction(sender, session.reputation, data))


def respond(session: Session, options) -> dict:
    data = call_data(
        REPUTATION["append_response"],
        options.agent,
        session.address(options.client),
        options.index,
        options.uri,
        options.hash,
    )
    return session.send(session.transaction(options.sender or 0, session.reputation, data))


def request_validation(session: Session, options) -> dict:
    digest = options.hash if options.hash is not None else secrets.token_bytes(32)
    data = call_data(VALIDATION["request"], session.address(options.validator), options.agent, options.uri, digest)
    return session.send(session.transaction(_owner(session, options), session.validation, data))


def respond_validation(session: Session, options) -> dict:
    data = call_data(VALIDATION["respond"], options.request, options.response, options.uri, options.hash, options.tag)
    sender = 2 if options.sender is None else options.sender
    return session.send(session.transaction(sender, session.validation, data))


def _owner(session: Session, options) -> int:
    return session.owner_account(options.agent) if options.sender is None else options.sender


def transfer(session: Session, options) -> dict:
    sender = _owner(session, options)
    data = call_data(
        IDENTITY["transfer"], session.account(sender)["address"], session.address(options.receiver), options.agent
    )
    return session.send(session.transaction(sender, session.identity, data))


def set_uri(session: Session, options) -> dict:
    data = call_data(IDENTITY["set_uri"], options.agent, options.uri)
    return session.send(session.transaction(_owner(session, options), session.identity, data))


def set_metadata(session: Session, options) -> dict:
    key, value = options.pair
    data = call_data(IDENTITY["set_metadata"], options.agent, key, value)
    return session.send(session.transaction(_owner(session, options), session.identity, data))


def set_wallet(session: Session, options) -> dict:
    """Sets the wallet, which signs its consent, or clears it."""
    sender = _owner(session, options)
    if options.wallet is None:
        data = call_data(IDENTITY["unset_wallet"], options.agent)
        return session.send(session.transaction(sender, session.identity, data))
    from eth_account import Account

    wallet = session.account(options.wallet)
    owner = session.rpc.call(
        "eth_call", {"to": session.identity, "data": "0x" + call_data(IDENTITY["owner_of"], options.agent).hex()}
    )
    deadline = int(session.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 240
    message = {
        "agentId": options.agent,
        "newWallet": wallet["address"],
        "owner": "0x" + owner[-40:],
        "deadline": deadline,
    }
    signed = Account.sign_typed_data(
        wallet["private_key"],
        domain_data={
            "name": "ERC8004IdentityRegistry",
            "version": "1",
            "chainId": session.information["chain_id"],
            "verifyingContract": session.identity,
        },
        message_types={
            "AgentWalletSet": [
                {"name": "agentId", "type": "uint256"},
                {"name": "newWallet", "type": "address"},
                {"name": "owner", "type": "address"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        message_data=message,
    )
    data = call_data(IDENTITY["set_wallet"], options.agent, wallet["address"], deadline, bytes(signed.signature))
    return session.send(session.transaction(sender, session.identity, data))


def reorg(session: Session, options) -> dict:
    return session.rpc.call(
        "dev_reorg",
        {"depth": options.depth, "keep": not options.drop, "place": options.place, "blocks": options.blocks},
    )


def mine(session: Session, options) -> dict:
    block = session.rpc.call("dev_mine", {"blocks": options.blocks})
    return {"blockNumber": int(block["number"], 16), "blockHash": block["hash"]}


def load(session: Session, options) -> dict:
    """Produces many events. Each feedback is one; each registration is four, of which Registered is one."""
    started = time.monotonic()
    calls = _load_calls(session, options)
    per_block = options.per_block or options.events
    blocks = []
    for start in range(0, options.events, per_block):
        body = calls(start, min(per_block, options.events - start))
        answer = session.rpc.call("dev_batch", {"transactions": body})
        if answer["failed"]:
            raise Failure(f"transaction {answer['hashes'][answer['failed'][0]]} of the load failed")
        blocks += answer["blocks"]
    seconds = time.monotonic() - started
    return {
        "events": options.events,
        "blocks": len(blocks),
        "firstBlock": int(blocks[0]["number"], 16),
        "lastBlock": int(blocks[-1]["number"], 16),
        "lastBlockHash": blocks[-1]["hash"],
        "seconds": round(seconds, 3),
        "eventsPerSecond": round(options.events / seconds),
    }


def _load_calls(session: Session, options):
    """A function that makes the transactions for `count` events of the load, from the `start`-th on.

    Many calls share a transaction of the bulk contract, unless each is to have its own.
    """
    chunk = 1 if options.single else CALLS_PER_TRANSACTION
    gas = {"gas": hex(5_000_000_000)}
    if options.kind == "register":
        registry = session.identity
        call = call_data(IDENTITY["register_uri"], options.uri or "https://agents.example/load.json")
        agents = [0]
    else:
        registry = session.reputation
        agents = [options.agent] if options.agent is not None else _load_agents(session, options.agents)
        call = _feedback_data(options, agents[0])

    def transactions(start: int, count: int) -> list[dict]:
        made = []
        while count:
            first = start % len(agents)
            times = min(chunk, count) if len(agents) == 1 else min(chunk, count, len(agents) - first)
            if options.single:
                own = call if len(agents) == 1 else call[:4] + agents[first].to_bytes(32, "big") + call[36:]
                made.append(session.transaction(1, registry, own))
            elif len(agents) == 1:
                made.append(session.transaction(1, session.bulk, call_data(BULK["repeat"], registry, call, times)))
            else:
                data = call_data(BULK["sweep"], registry, call, agents[first], times)
                made.append(session.transaction(1, session.bulk, data))
            start += times
            count -= times
        return [{**transaction, **gas} for transaction in made]

    return transactions


def _load_agents(session: Session, count: int) -> list[int]:
    """Registers agents, whose ids follow one another, for account 0."""
    body = [session.transaction(0, session.identity, call_data(IDENTITY["register"]))] * count
    answer = session.rpc.call("dev_batch", {"transactions": body})
    receipt = session.rpc.call("eth_getTransactionReceipt", answer["hashes"][0])
    first = int(receipt["logs"][0]["topics"][3], 16)
    return list(range(first, first + count))


def sign(session: Session, options) -> dict:
    from eth_account import Account
    from eth_account.messages import encode_defunct

    account = session.account(options.account)
    message = options.message
    if message == "-":
        message = sys.stdin.read()
    signed = Account.sign_message(encode_defunct(text=message), account["private_key"])
    return {
        "address": Account.from_key(account["private_key"]).address,
        "message": message,
        "signature": "0x" + signed.signature.hex().removeprefix("0x"),
    }


def accounts(session: Session, options) -> dict:
    return {"accounts": session.information["accounts"], "registries": session.information["registries"]}


def all_nine(session: Session, options) -> dict:
    """Emits each kind of event that the engine knows, each in a block of its own."""
    owner, client, validator, buyer = (session.account(index)["address"] for index in range(4))
    mark = secrets.token_hex(4)
    results = []

    def step(sender: int, registry: str, signature: str, *values) -> dict:
        result = session.send(session.transaction(sender, registry, call_data(signature, *values)))
        results.append(result)
        return result

    uri = f"https://agents.example/{mark}.json"
    registered = step(0, session.identity, IDENTITY["register_metadata"], uri, [("service", b"devnet")])
    agent = int(registered["logs"][0]["arguments"]["tokenId"])
    step(0, session.identity, IDENTITY["set_uri"], agent, uri + "?v=2")
    given = step(
        1,
        session.reputation,
        REPUTATION["give_feedback"],
        agent,
        -3200,
        2,
        "tradingYield",
        "month",
        "https://agents.example/mcp",
        f"ipfs://feedback-{mark}",
        keccak(b"feedback"),
    )
    index = int(given["logs"][0]["arguments"]["feedbackIndex"])
    step(0, session.reputation, REPUTATION["append_response"], agent, client, index, f"ipfs://reply-{mark}", ZERO_HASH)
    step(1, session.reputation, REPUTATION["revoke_feedback"], agent, index)
    request = keccak(f"request {mark}".encode())
    step(0, session.validation, VALIDATION["request"], validator, agent, f"ipfs://request-{mark}", request)
    step(2, session.validation, VALIDATION["respond"], request, 87, f"ipfs://answer-{mark}", ZERO_HASH, "tee")
    step(0, session.identity, IDENTITY["transfer"], owner, buyer, agent)
    return {
        "agentId": str(agent),
        "events": sorted({log["event"] for result in results for log in result["logs"]}),
        "transactions": results,
    }


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__)
    top.add_argument("--rpc", default=os.environ.get("DEVNET_RPC", "http://127.0.0.1:8545"), help="URL of the node")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run, summary: str, sender: str | None = None) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        if sender:
            added.add_argument("--from", dest="sender", type=int, metavar="I", help=f"sending account, {sender}")
        return added

    def feedback_options(added: argparse.ArgumentParser) -> None:
        added.add_argument("--value", type=int, default=100)
        added.add_argument("--decimals", type=int, default=0)
        added.add_argument("--tag1", default="")
        added.add_argument("--tag2", default="")
        added.add_argument("--endpoint", default="")
        added.add_argument("--uri", default="")
        added.add_argument("--hash", type=_hash_argument, default=ZERO_HASH, help="hash, or text to hash")

    added = command("register", register, "Registers agents", "0 if absent")
    added.add_argument("--uri")
    added.add_argument("--metadata", type=_pair, action="append", metavar="KEY=VALUE")
    added.add_argument("--count", type=int, default=1)

    added = command("feedback", feedback, "Gives feedback to an agent", "1 if absent")
    added.add_argument("agent", type=int)
    feedback_options(added)

    added = command("revoke", revoke, "Revokes feedback of the sender", "1 if absent")
    added.add_argument("agent", type=int)
    added.add_argument("index", type=int)

    added = command("respond", respond, "Appends a response to feedback", "0 if absent")
    added.add_argument("agent", type=int)
    added.add_argument("client", help="address or account index of the feedback's author")
    added.add_argument("index", type=int)
    added.add_argument("--uri", default="https://agents.example/response.json")
    added.add_argument("--hash", type=_hash_argument, default=ZERO_HASH, help="hash, or text to hash")

    added = command("request-validation", request_validation, "Asks a validator", "the agent's owner if absent")
    added.add_argument("agent", type=int)
    added.add_argument("--validator", default="2", help="address or account index")
    added.add_argument("--uri", default="https://agents.example/request.json")
    added.add_argument("--hash", type=_hash_argument, help="hash, or text to hash; random if absent")

    added = command("respond-validation", respond_validation, "Answers as the validator", "2 if absent")
    added.add_argument("request", type=_hash_argument, help="hash of the request, or the text it was made from")
    added.add_argument("response", type=int, help="0 to 100")
    added.add_argument("--uri", default="")
    added.add_argument("--hash", type=_hash_argument, default=ZERO_HASH, help="hash, or text to hash")
    added.add_argument("--tag", default="")

    added = command("transfer", transfer, "Hands an agent to someone else", "the agent's owner if absent")
    added.add_argument("agent", type=int)
    added.add_argument("receiver", help="address or account index")

    added = command("set-uri", set_uri, "Changes an agent's URI", "the agent's owner if absent")
    added.add_argument("agent", type=int)
    added.add_argument("uri")

    added = command("set-metadata", set_metadata, "Sets one metadata entry", "the agent's owner if absent")
    added.add_argument("agent", type=int)
    added.add_argument("pair", type=_pair, metavar="KEY=VALUE")

    added = command("set-wallet", set_wallet, "Sets or clears an agent's wallet", "the agent's owner if absent")
    added.add_argument("agent", type=int)
    added.add_argument("wallet", type=int, nargs="?", help="account index; cleared if absent")

    added = command("reorg", reorg, "Replaces the top blocks")
    added.add_argument("--depth", type=int, required=True)
    added.add_argument("--blocks", type=int, help="number of new blocks, depth + 1 if absent")
    added.add_argument("--place", choices=("shift", "same", "last"), default="shift")
    choice = added.add_mutually_exclusive_group()
    choice.add_argument("--keep", action="store_true", help="include the orphaned transactions again (default)")
    choice.add_argument("--drop", action="store_true", help="leave the orphaned transactions out")

    added = command("mine", mine, "Makes blocks")
    added.add_argument("blocks", type=int, nargs="?", default=1)

    added = command("load", load, "Produces many events")
    added.add_argument("--events", type=int, required=True)
    added.add_argument("--per-block", type=int, help="events in each block; all in one if absent")
    added.add_argument("--kind", choices=("feedback", "register"), default="feedback")
    added.add_argument("--agent", type=int, help="receiver of the feedback; new agents if absent")
    added.add_argument("--agents", type=int, default=1, help="number of new agents that take turns receiving")
    added.add_argument("--single", action="store_true", help="one transaction for each event")
    feedback_options(added)

    added = command("sign", sign, "Signs a message as a wallet does (EIP-191)")
    added.add_argument("message", help="- reads it from standard input")
    added.add_argument("--account", type=int, default=0)

    command("accounts", accounts, "Lists accounts with their keys, and the registries")
    command("all-nine", all_nine, "Emits each of the nine kinds of events")
    return top


def main() -> None:
    options = parser().parse_args()
    try:
        session = Session(RPC(options.rpc))
        print(json.dumps(options.run(session, options)))
    except Failure as failure:
        sys.exit(f"devnetctl: {failure}")
    except EncodingError as error:
        sys.exit(f"devnetctl: a value does not fit its parameter: {error}")


if __name__ == "__main__":
    main()
