"""Blocks: headers, receipts and logs, and the JSON in which JSON-RPC shows them."""

import json
from functools import lru_cache
from typing import NamedTuple

from eth_hash.auto import keccak

from . import rlp, trie
from .state import Version
from .transactions import Transaction

EMPTY_UNCLES_HASH = keccak(rlp.encode([]))
EMPTY_REQUESTS_HASH = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
ZERO_HASH = bytes(32)


class Header(NamedTuple):
    """A header of the Prague rules, in the order of its encoding."""

    parent_hash: bytes
    uncles_hash: bytes
    coinbase: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes
    nonce: bytes
    base_fee: int
    withdrawals_root: bytes
    blob_gas_used: int
    excess_blob_gas: int
    parent_beacon_root: bytes
    requests_hash: bytes

    @property
    def hash(self) -> bytes:
        return keccak(rlp.encode(self))

    def fields(self) -> dict:
        return {
            "parentHash": text(self.parent_hash),
            "sha3Uncles": text(self.uncles_hash),
            "miner": text(self.coinbase),
            "stateRoot": text(self.state_root),
            "transactionsRoot": text(self.transactions_root),
            "receiptsRoot": text(self.receipts_root),
            "logsBloom": text(self.bloom),
            "difficulty": hex(self.difficulty),
            "number": hex(self.number),
            "gasLimit": hex(self.gas_limit),
            "gasUsed": hex(self.gas_used),
            "timestamp": hex(self.timestamp),
            "extraData": text(self.extra_data),
            "mixHash": text(self.mix_hash),
            "nonce": text(self.nonce),
            "baseFeePerGas": hex(self.base_fee),
            "withdrawalsRoot": text(self.withdrawals_root),
            "blobGasUsed": hex(self.blob_gas_used),
            "excessBlobGas": hex(self.excess_blob_gas),
            "parentBeaconBlockRoot": text(self.parent_beacon_root),
            "requestsHash": text(self.requests_hash),
        }


class Log(NamedTuple):
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes

    @property
    def kind(self) -> tuple[bytes, bytes | None]:
        """Contract and event: what most filters decide by."""
        kind = (self.address, self.topics[0] if self.topics else None)
        return _KINDS.setdefault(kind, kind)


# One object for each kind, however many logs are of it.
_KINDS: dict[tuple, tuple] = {}


class Receipt:
    """What one transaction did. `first_log` is the index of its first log within the block."""

    __slots__ = ("succeeded", "cumulative_gas", "gas_used", "bloom", "logs", "first_log", "created")

    def __init__(self, succeeded, cumulative_gas, gas_used, logs, first_log, created):
        self.succeeded = succeeded
        self.cumulative_gas = cumulative_gas
        self.gas_used = gas_used
        self.logs = logs
        self.first_log = first_log
        self.created = created
        self.bloom = 0
        for log in logs:
            self.bloom |= _bloom_bits(log.address)
            for topic in log.topics:
                self.bloom |= _bloom_bits(topic)

    def encoded(self, transaction_type: int) -> bytes:
        logs = [(log.address, log.topics, log.data) for log in self.logs]
        payload = rlp.encode((int(self.succeeded), self.cumulative_gas, self.bloom.to_bytes(256, "big"), logs))
        return bytes((transaction_type,)) + payload if transaction_type else payload


@lru_cache(maxsize=65536)
def _bloom_bits(item: bytes) -> int:
    digest = keccak(item)
    bits = 0
    for position in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[position : position + 2], "big") & 2047)
    return bits


class Block:
    """A sealed block with everything ever asked about it.

    Logs are kept as the JSON that `eth_getLogs` sends: `log_json[log_ends[i - 1] + 1 : log_ends[i]]` is log `i`, and
    the whole of `log_json` is all of them separated by commas.
    """

    __slots__ = (
        "header",
        "hash",
        "number",
        "transactions",
        "receipts",
        "version",
        "logs",
        "kinds",
        "distinct_kinds",
        "log_json",
        "log_ends",
    )

    def __init__(self, header: Header, transactions: list[Transaction], receipts: list[Receipt], version: Version):
        self.header = header
        self.hash = header.hash
        self.number = header.number
        self.transactions = transactions
        self.receipts = receipts
        self.version = version
        self.logs = [log for receipt in receipts for log in receipt.logs]
        self.kinds = [log.kind for log in self.logs]
        self.distinct_kinds = frozenset(self.kinds)
        parts = []
        ends = []
        end = -1
        for index, (transaction, receipt) in enumerate(zip(transactions, receipts)):
            if not receipt.logs:
                continue
            tail = (
                f'","blockNumber":"{hex(self.number)}","transactionHash":"{text(transaction.hash)}"'
                f',"transactionIndex":"{hex(index)}","blockHash":"{text(self.hash)}"'
                f',"blockTimestamp":"{hex(header.timestamp)}","logIndex":"'
            )
            for number, log in enumerate(receipt.logs, receipt.first_log):
                topics = '","'.join([text(topic) for topic in log.topics])
                quoted = f'"{topics}"' if topics else ""
                part = (
                    f'{{"address":"{text(log.address)}","topics":[{quoted}],"data":"{text(log.data)}{tail}'
                    f'{hex(number)}","removed":false}}'
                ).encode()
                parts.append(part)
                end += 1 + len(part)
                ends.append(end)
        self.log_json = b",".join(parts)
        self.log_ends = ends

    def log_text(self, index: int) -> bytes:
        return self.log_json[self.log_ends[index - 1] + 1 if index else 0 : self.log_ends[index]]

    # ---------------------------------------------------------------- JSON

    def block_json(self, full: bool) -> bytes:
        fields = {"hash": text(self.hash), **self.header.fields(), "size": hex(self._size()), "uncles": []}
        fields["withdrawals"] = []
        if full:
            fields["transactions"] = [self.transaction_fields(index) for index in range(len(self.transactions))]
        else:
            fields["transactions"] = [text(transaction.hash) for transaction in self.transactions]
        return json.dumps(fields, separators=(",", ":")).encode()

    def _size(self) -> int:
        body = sum(len(transaction.raw) for transaction in self.transactions)
        return len(rlp.encode(self.header)) + body + 9

    def transaction_fields(self, index: int) -> dict:
        transaction = self.transactions[index]
        fields = {
            "blockHash": text(self.hash),
            "blockNumber": hex(self.number),
            "transactionIndex": hex(index),
            "hash": text(transaction.hash),
            "from": text(transaction.sender),
            "to": text(transaction.to) if transaction.to else None,
            "type": hex(transaction.type),
            "nonce": hex(transaction.nonce),
            "gas": hex(transaction.gas),
            "gasPrice": hex(transaction.effective_gas_price(self.header.base_fee)),
            "value": hex(transaction.value),
            "input": text(transaction.data),
            "v": hex(transaction.v),
            "r": hex(transaction.r),
            "s": hex(transaction.s),
        }
        if transaction.chain_id is not None:
            fields["chainId"] = hex(transaction.chain_id)
        if transaction.type:
            fields["yParity"] = hex(transaction.v)
            fields["accessList"] = [
                {"address": text(address), "storageKeys": [f"0x{key:064x}" for key in keys]}
                for address, keys in transaction.access_list
            ]
        if transaction.type == 2:
            fields["maxFeePerGas"] = hex(transaction.max_fee_per_gas)
            fields["maxPriorityFeePerGas"] = hex(transaction.max_priority_fee_per_gas)
        return fields

    def receipt_json(self, index: int) -> bytes:
        transaction = self.transactions[index]
        receipt = self.receipts[index]
        fields = {
            "type": hex(transaction.type),
            "status": "0x1" if receipt.succeeded else "0x0",
            "cumulativeGasUsed": hex(receipt.cumulative_gas),
            "logsBloom": text(receipt.bloom.to_bytes(256, "big")),
            "transactionHash": text(transaction.hash),
            "transactionIndex": hex(index),
            "blockHash": text(self.hash),
            "blockNumber": hex(self.number),
            "gasUsed": hex(receipt.gas_used),
            "effectiveGasPrice": hex(transaction.effective_gas_price(self.header.base_fee)),
            "from": text(transaction.sender),
            "to": text(transaction.to) if transaction.to else None,
            "contractAddress": text(receipt.created) if receipt.created else None,
        }
        head = json.dumps(fields, separators=(",", ":")).encode()
        first = receipt.first_log
        last = first + len(receipt.logs)
        logs = b""
        if receipt.logs:
            logs = self.log_json[self.log_ends[first - 1] + 1 if first else 0 : self.log_ends[last - 1]]
        return head[:-1] + b',"logs":[' + logs + b"]}"


def text(data: bytes) -> str:
    return "0x" + data.hex()


def next_base_fee(parent: Header) -> int:
    """EIP-1559."""
    target = parent.gas_limit // 2
    if parent.gas_used == target:
        return parent.base_fee
    if parent.gas_used > target:
        return parent.base_fee + max(parent.base_fee * (parent.gas_used - target) // target // 8, 1)
    return parent.base_fee - parent.base_fee * (target - parent.gas_used) // target // 8


def sealed_header(draft: Header, transactions, receipts, version: Version) -> Header:
    """The draft completed with what execution produced."""
    bloom = 0
    for receipt in receipts:
        bloom |= receipt.bloom
    encoded = [receipt.encoded(transaction.type) for transaction, receipt in zip(transactions, receipts)]
    return draft._replace(
        state_root=version.root,
        transactions_root=trie.list_root([transaction.raw for transaction in transactions]),
        receipts_root=trie.list_root(encoded),
        bloom=bloom.to_bytes(256, "big"),
        gas_used=receipts[-1].cumulative_gas if receipts else 0,
    )
