"""Reorganisations as a client sees them."""

import json
import threading

import pytest
from conftest import RPCFailure
from test_rpc import header_hash


@pytest.fixture
def node(fresh_devnet):
    """A node with five blocks of events on top of two others."""
    node = fresh_devnet()
    node.rpc("dev_mine", 1)
    for index in range(5):
        node.register(index % 2, f"uri {index}")
    return node


def everything(node) -> list[dict]:
    return node.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})


def contents(logs: list[dict]) -> list[tuple]:
    """What the logs say, wherever they are."""
    return [(log["address"], log["topics"], log["data"], log["transactionHash"]) for log in logs]


def test_kept_transactions_return_one_block_later(node):
    before = [node.block(number) for number in range(node.head() + 1)]
    logs = everything(node)
    answer = node.rpc("dev_reorg", {"depth": 3})
    assert node.head() == len(before)
    assert [block["hash"] for block in answer["orphaned"]] == [block["hash"] for block in before[-3:]]
    after = [node.block(number) for number in range(node.head() + 1)]
    assert after[:-4] == before[:-3]
    assert {block["hash"] for block in after[-4:]}.isdisjoint(block["hash"] for block in before)
    for parent, block in zip(after, after[1:]):
        assert block["parentHash"] == parent["hash"]
        assert block["hash"] == header_hash(block)
        assert int(block["timestamp"], 16) > int(parent["timestamp"], 16)
    assert contents(everything(node)) == contents(logs)
    moved = everything(node)[-4:]
    assert {int(log["blockNumber"], 16) for log in moved} == {len(before)}
    assert answer["dropped"] == []
    assert len(answer["kept"]) == 3


def test_dropped_transactions_are_gone(node):
    logs = everything(node)
    receipts = [log["transactionHash"] for log in logs[-8:]]
    answer = node.rpc("dev_reorg", {"depth": 2, "drop": True})
    assert contents(everything(node)) == contents(logs[:-8])
    assert set(answer["dropped"]) == set(receipts)
    assert answer["kept"] == []
    for digest in set(receipts):
        assert node.rpc("eth_getTransactionReceipt", digest) is None
        assert node.rpc("eth_getTransactionByHash", digest) is None
    assert node.register(0) == 3


def test_some_can_be_kept_or_dropped(node):
    digests = [node.block(number)["transactions"][0] for number in (5, 6, 7)]
    answer = node.rpc("dev_reorg", {"depth": 3, "keep": digests[:1]})
    assert answer["kept"] == digests[:1]
    digest = node.block(node.head() - 2)["transactions"][0]
    node.register(2)
    answer = node.rpc("dev_reorg", {"depth": 4, "drop": [digest]})
    assert answer["dropped"] == [digest]
    assert len(answer["kept"]) == 1


def test_a_transaction_whose_predecessor_was_dropped_is_dropped_too(fresh_devnet):
    node = fresh_devnet()
    node.register(0)
    digests = []
    for _ in range(3):
        node.register(0)
        digests.append(node.block("latest")["transactions"][0])
    answer = node.rpc("dev_reorg", {"depth": 3, "drop": digests[:1]})
    assert answer["kept"] == []
    assert set(answer["dropped"]) == set(digests)


@pytest.mark.parametrize(("place", "offsets"), [("shift", [1, 2]), ("same", [0, 1]), ("last", [2, 2])])
def test_the_place_of_kept_transactions_can_be_chosen(node, place, offsets):
    digests = [node.block(number)["transactions"][0] for number in (6, 7)]
    node.rpc("dev_reorg", {"depth": 2, "place": place})
    for digest, offset in zip(digests, offsets):
        assert int(node.rpc("eth_getTransactionReceipt", digest)["blockNumber"], 16) == 6 + offset


@pytest.mark.parametrize(("blocks", "head"), [(1, 5), (3, 7), (6, 10)])
def test_the_number_of_new_blocks_can_be_chosen(node, blocks, head):
    logs = everything(node)
    node.rpc("dev_reorg", {"depth": 3, "blocks": blocks})
    assert node.head() == head
    assert contents(everything(node)) == contents(logs)


def test_orphaned_blocks_are_unknown(node):
    orphan = node.block("latest")
    node.rpc("dev_reorg", {"depth": 1})
    assert node.rpc("eth_getBlockByHash", orphan["hash"], False) is None
    assert node.rpc("eth_getBlockReceipts", orphan["hash"]) is None
    with pytest.raises(RPCFailure) as failure:
        node.rpc("eth_getLogs", {"blockHash": orphan["hash"]})
    assert (failure.value.code, failure.value.message) == (-32000, "unknown block")
    with pytest.raises(RPCFailure, match="header for hash not found"):
        node.rpc("eth_getBalance", node.accounts[0], {"blockHash": orphan["hash"]})


def test_the_state_follows_the_new_branch(node):
    call = ("identity", "balanceOf(address)", node.accounts[0])
    assert int.from_bytes(node.call(*call), "big") == 3
    node.rpc("dev_reorg", {"depth": 1, "drop": True})
    assert int.from_bytes(node.call(*call), "big") == 2
    assert node.register(0) == 4


def test_reorganisations_can_follow_one_another_and_reach_the_first_block(node):
    logs = everything(node)
    seen = {block["hash"] for block in (node.block(number) for number in range(node.head() + 1))}
    for depth in (1, 2, 3, 5):
        answer = node.rpc("dev_reorg", {"depth": depth})
        fresh = {block["hash"] for block in answer["blocks"]}
        assert fresh.isdisjoint(seen)
        seen |= fresh
        assert contents(everything(node)) == contents(logs)
    # Even the registries are deployed anew, at the same addresses.
    answer = node.rpc("dev_reorg", {"depth": node.head()})
    assert answer["dropped"] == []
    assert contents(everything(node)) == contents(logs)


@pytest.mark.parametrize("options", [{"depth": 0}, {"depth": 100}, {}, {"depth": 1, "place": "x"}, {"depth": "y"}])
def test_impossible_reorganisations_are_refused(node, options):
    with pytest.raises(RPCFailure) as failure:
        node.rpc("dev_reorg", options)
    assert failure.value.code == -32602


def test_readers_see_the_old_branch_or_the_new_never_a_mixture(node):
    for _ in range(4):
        node.rpc(
            "dev_batch", {"transactions": [node.transaction(0, "identity", "register(string)", "u") for _ in range(40)]}
        )
    finished = threading.Event()

    def reorganise() -> None:
        for _ in range(5):
            node.rpc("dev_reorg", {"depth": 4, "blocks": 4, "place": "same"})
        finished.set()

    threading.Thread(target=reorganise).start()
    branches = set()
    while not finished.is_set():
        request = [
            {"jsonrpc": "2.0", "id": number, "method": "eth_getBlockByNumber", "params": [hex(number), False]}
            for number in range(1, 12)
        ]
        blocks = [answer["result"] for answer in json.loads(node.raw(request))]
        branches.add(blocks[-1]["hash"])
        # Elements of one batch are answered one after another, yet nothing changes the chain in between unless the
        # node yields, which it does not between reads.
        for parent, block in zip(blocks, blocks[1:]):
            assert block["parentHash"] == parent["hash"]
    assert len(branches) > 1
