"""The command line, as a user runs it."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT
from eth_account import Account
from eth_account.messages import encode_defunct

KINDS = {
    "Registered", "MetadataSet", "URIUpdated", "Transfer", "NewFeedback", "FeedbackRevoked", "ResponseAppended",
    "ValidationRequest", "ValidationResponse",
}  # fmt: skip


@pytest.fixture(scope="module")
def ctl(devnet):
    def run(*arguments: str, rpc: str | None = None, stdin: str | None = None):
        """The JSON of a command, or its message when it fails."""
        command = [sys.executable, str(ROOT / "devnetctl.py"), "--rpc", rpc or devnet.http.url, *arguments]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=120, input=stdin)
        if finished.returncode:
            return finished.stderr.strip()
        assert finished.stdout.count("\n") == 1
        return json.loads(finished.stdout)

    return run


def agent_of(result: dict) -> str:
    return result["logs"][0]["arguments"]["tokenId"]


def events(result: dict) -> list[str]:
    return [log["event"] for log in result["logs"]]


def test_a_command_prints_transaction_block_and_logs(ctl, devnet):
    result = ctl("register", "--uri", "ipfs://x", "--metadata", "a=b", "--metadata", "c=0x00ff", "--from", "3")
    assert result["blockHash"] == devnet.block(result["blockNumber"])["hash"]
    assert devnet.block(result["blockNumber"])["transactions"] == [result["transactionHash"]]
    assert events(result) == ["Transfer", "MetadataUpdate", "Registered", *["MetadataSet"] * 3]
    assert result["logs"][2]["arguments"]["agentURI"] == "ipfs://x"
    assert result["logs"][2]["arguments"]["owner"] == devnet.accounts[3]
    assert result["logs"][5]["arguments"]["metadataValue"] == "0x00ff"


def test_a_life_of_an_agent(ctl, devnet):
    agent = agent_of(ctl("register"))
    given = ctl("feedback", agent, "--value", "-995", "--decimals", "1", "--tag1", "uptime", "--uri", "ipfs://f")
    assert events(given) == ["NewFeedback"]
    assert given["logs"][0]["arguments"]["value"] == "-995"
    index = given["logs"][0]["arguments"]["feedbackIndex"]
    assert events(ctl("respond", agent, "1", index, "--uri", "ipfs://r", "--from", "4")) == ["ResponseAppended"]
    assert events(ctl("revoke", agent, index)) == ["FeedbackRevoked"]
    assert events(ctl("set-uri", agent, "ipfs://2")) == ["MetadataUpdate", "URIUpdated"]
    assert events(ctl("set-metadata", agent, "key=value")) == ["MetadataSet"]
    wallet = ctl("set-wallet", agent, "6")["logs"][0]["arguments"]
    assert (wallet["metadataKey"], wallet["metadataValue"]) == ("agentWallet", devnet.accounts[6])
    assert ctl("set-wallet", agent)["logs"][0]["arguments"]["metadataValue"] == "0x"
    asked = ctl("request-validation", agent, "--validator", "2", "--hash", f"request {agent}")
    assert events(asked) == ["ValidationRequest"]
    answered = ctl("respond-validation", f"request {agent}", "77", "--tag", "tee")
    assert answered["logs"][0]["arguments"]["response"] == "77"
    assert answered["logs"][0]["arguments"]["requestHash"] == asked["logs"][0]["arguments"]["requestHash"]
    assert events(ctl("transfer", agent, "5")) == ["MetadataSet", "Transfer"]
    # The new owner is found without being named.
    assert events(ctl("set-uri", agent, "ipfs://3")) == ["MetadataUpdate", "URIUpdated"]


def test_many_can_be_registered_at_once(ctl):
    results = ctl("register", "--count", "3")["transactions"]
    agents = [int(agent_of(result)) for result in results]
    assert agents == list(range(agents[0], agents[0] + 3))


def test_all_nine_kinds_are_emitted(ctl):
    result = ctl("all-nine")
    assert set(result["events"]) >= KINDS
    assert len({item["blockNumber"] for item in result["transactions"]}) == len(result["transactions"])


@pytest.mark.parametrize("options", [[], ["--per-block", "60"], ["--single"], ["--kind", "register"]])
def test_load_emits_as_many_as_asked(ctl, devnet, options):
    result = ctl("load", "--events", "130", *options)
    assert result["blocks"] == (3 if "--per-block" in options else 1)
    logs = devnet.rpc("eth_getLogs", {"fromBlock": hex(result["firstBlock"]), "toBlock": hex(result["lastBlock"])})
    assert len(logs) == (520 if "register" in options else 130)
    assert logs[-1]["blockHash"] == result["lastBlockHash"]


@pytest.mark.parametrize("options", [[], ["--single"]])
def test_load_spreads_feedback_over_agents(ctl, devnet, options):
    result = ctl("load", "--events", "70", "--agents", "4", "--per-block", "33", "--tag1", "t", *options)
    logs = devnet.rpc("eth_getLogs", {"fromBlock": hex(result["firstBlock"]), "toBlock": hex(result["lastBlock"])})
    agents = [int(log["topics"][1], 16) for log in logs]
    assert [agent - agents[0] for agent in agents] == [index % 4 for index in range(70)]


def test_mine_and_reorg(ctl, devnet):
    head = devnet.head()
    assert ctl("mine", "3")["blockNumber"] == head + 3
    agent = agent_of(ctl("register"))
    answer = ctl("reorg", "--depth", "1")
    assert len(answer["kept"]) == 1 and devnet.head() == head + 5
    assert len(ctl("reorg", "--depth", "2", "--drop")["dropped"]) == 1
    assert "ERC721NonexistentToken" in ctl("set-uri", agent, "x", "--from", "0")


@pytest.mark.parametrize("message", ["hello", "", "ünïcode\nlines", "-"])
def test_sign_signs_as_a_wallet(ctl, devnet, message):
    result = ctl("sign", message, "--account", "2", stdin="from standard input")
    text = "from standard input" if message == "-" else message
    assert result["message"] == text
    assert result["address"].lower() == devnet.accounts[2]
    assert Account.recover_message(encode_defunct(text=text), signature=result["signature"]) == result["address"]


def test_accounts_are_listed(ctl, devnet):
    result = ctl("accounts")
    assert [account["address"] for account in result["accounts"]] == devnet.accounts
    assert result["registries"] == devnet.registries
    for account in result["accounts"]:
        assert Account.from_key(account["private_key"]).address.lower() == account["address"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["feedback", "99999999"], "ERC721NonexistentToken(99999999)"),
        (["feedback", "0", "--decimals", "19"], "too many decimals"),
        (["register", "--from", "99"], "there is no account 99; the node has 0 to 9"),
        (["transfer", "0", "0x12"], "0x12 is not an address"),
        (["respond-validation", "nothing", "1"], "unknown"),
        (["reorg", "--depth", "1000000"], "depth must be between 1 and"),
        (["feedback", "0", "--decimals", "300"], "a value does not fit its parameter"),
    ],
)
def test_mistakes_are_explained(ctl, arguments, message):
    ctl("register")
    assert message in ctl(*arguments)


def test_an_unreachable_node_is_explained(ctl):
    message = ctl("accounts", rpc="http://127.0.0.1:9")
    assert message.startswith("devnetctl: no node answers at http://127.0.0.1:9")
    assert "start one with" in message and "--rpc" in message
    assert "is not an http URL" in ctl("accounts", rpc="127.0.0.1:9")


def test_another_server_is_explained(ctl, programs):
    other = programs("receivers/webhook.py")
    assert "does not speak JSON-RPC" in ctl("accounts", rpc=other.ready["url"])
