"""The chain: executes blocks, keeps their history and replaces its top on demand."""

import asyncio
import time
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.message import Message
from eth_hash.auto import keccak
from eth_utils import ValidationError

from . import trie
from .blocks import (
    EMPTY_REQUESTS_HASH,
    EMPTY_UNCLES_HASH,
    ZERO_HASH,
    Block,
    Header,
    Log,
    Receipt,
    next_base_fee,
    sealed_header,
)
from .machine import State
from .state import EMPTY_VERSION, StateDatabase
from .transactions import Transaction, TransactionError

# Executing yields to other requests this often, so that a large batch does not hold up a reader.
_SLICE_SECONDS = 0.01


class Place(NamedTuple):
    """Where a transaction is on the canonical chain."""

    block: Block
    index: int


class Dropped(NamedTuple):
    """A transaction that could not be included, and why."""

    transaction: Transaction
    reason: str


class Settings(NamedTuple):
    chain_id: int = 31337
    gas_limit: int = 100_000_000_000
    base_fee: int = 1_000_000_000
    # Whether each timestamp exceeds its parent's. When not, blocks within a second share theirs, as on some chains.
    strict_timestamps: bool = True


class Chain:
    """Blocks by number and hash, and the state at the head.

    Only one coroutine at a time may change the chain: `writing` is the lock. Readers need none, because a block is
    published complete and a reorganisation replaces the canonical list in one step.
    """

    def __init__(self, settings: Settings, balances: dict[bytes, int]) -> None:
        self.settings = settings
        self.writing = asyncio.Lock()
        self.codes: dict[bytes, bytes] = {}
        database = StateDatabase(EMPTY_VERSION, self.codes)
        for address, balance in balances.items():
            database.set_balance(address, balance)
        version = database.seal()
        self.blocks: list[Block] = []
        self.by_hash: dict[bytes, Block] = {}
        self.places: dict[bytes, Place] = {}
        self.loud: list[int] = []
        """Numbers of the blocks that have logs, ascending."""
        self._unpublished: dict[bytes, Block] = {}
        self.reorganisations = 0
        self.listeners: list = []
        """Called with each block as it is published."""
        header = Header(
            parent_hash=ZERO_HASH,
            uncles_hash=EMPTY_UNCLES_HASH,
            coinbase=bytes(20),
            state_root=version.root,
            transactions_root=trie.EMPTY_ROOT,
            receipts_root=trie.EMPTY_ROOT,
            bloom=bytes(256),
            difficulty=0,
            number=0,
            gas_limit=settings.gas_limit,
            gas_used=0,
            timestamp=int(time.time()) - 1,
            extra_data=b"tocsin devnet",
            mix_hash=ZERO_HASH,
            nonce=bytes(8),
            base_fee=settings.base_fee,
            withdrawals_root=trie.EMPTY_ROOT,
            blob_gas_used=0,
            excess_blob_gas=0,
            parent_beacon_root=ZERO_HASH,
            requests_hash=EMPTY_REQUESTS_HASH,
        )
        self._publish(Block(header, [], [], version))
        self._state = State(version, self.codes, self._context(header))

    # ------------------------------------------------------------- reading

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    def block(self, number: int) -> Block | None:
        return self.blocks[number] if 0 <= number < len(self.blocks) else None

    def loud_blocks(self, first: int, last: int):
        """The blocks with logs in a range, ascending."""
        for number in self.loud[bisect_left(self.loud, first) : bisect_right(self.loud, last)]:
            yield self.blocks[number]

    def state_at(self, block: Block) -> State:
        """A throwaway state: changes to it are never seen by the chain."""
        return State(block.version, self.codes, self._context(block.header))

    def call(self, block: Block, sender: bytes, to: bytes, data: bytes, value: int, gas: int):
        """Executes a message on top of a block without keeping what it does."""
        state = self.state_at(block)
        if value:
            state.set_balance(sender, max(state.get_balance(sender), value))
        context = state.get_transaction_context_class()(gas_price=0, origin=sender)
        state.mark_address_warm(sender)
        if to:
            message = Message(gas=gas, to=to, sender=sender, value=value, data=data, code=state.get_code(to))
            state.mark_address_warm(to)
            return state.computation_class.apply_message(state, message, context)
        created = keccak(sender + state.get_nonce(sender).to_bytes(8, "big"))[12:]
        message = Message(gas=gas, to=b"", sender=sender, value=value, data=b"", code=data, create_address=created)
        return state.computation_class.apply_create_message(state, message, context)

    # ------------------------------------------------------------- writing

    async def append(self, transactions: list[Transaction], **header) -> tuple[Block, list[Dropped]]:
        """Executes the transactions in one block on top of the head and publishes it."""
        try:
            block, dropped = await self._build(self.head.header, self._state, transactions, **header)
        except BaseException:
            self._state = self.state_at(self.head)
            raise
        self._publish(block)
        return block, dropped

    async def reorganise(self, depth: int, bodies: list[list[Transaction]]) -> tuple[list[Block], list[Dropped]]:
        """Replaces the top `depth` blocks by one new block per body.

        Nothing is visible before all new blocks are ready. Transactions that no longer fit are dropped.
        """
        ancestor = self.blocks[-1 - depth]
        self.reorganisations += 1
        mark = f"tocsin devnet fork {self.reorganisations}".encode()
        coinbase = keccak(mark)[12:]
        state = self.state_at(ancestor)
        parent = ancestor.header
        fresh: list[Block] = []
        dropped: list[Dropped] = []
        try:
            for body in bodies:
                block, refused = await self._build(parent, state, body, extra_data=mark, coinbase=coinbase)
                fresh.append(block)
                dropped += refused
                parent = block.header
                self._unpublished[block.hash] = block
        finally:
            self._unpublished.clear()
        self.rewind(ancestor.number)
        for block in fresh:
            self._publish(block)
        self._state = state
        return fresh, dropped

    def rewind(self, number: int) -> list[Block]:
        """Forgets every block above `number` and returns them."""
        orphans = self.blocks[number + 1 :]
        del self.blocks[number + 1 :]
        del self.loud[bisect_right(self.loud, number) :]
        for block in orphans:
            del self.by_hash[block.hash]
            for transaction in block.transactions:
                self.places.pop(transaction.hash, None)
        self._state = self.state_at(self.head)
        return orphans

    def _publish(self, block: Block) -> None:
        self.blocks.append(block)
        self.by_hash[block.hash] = block
        if block.kinds:
            self.loud.append(block.number)
        for index, transaction in enumerate(block.transactions):
            self.places[transaction.hash] = Place(block, index)
        for announce in self.listeners:
            announce(block)

    # ----------------------------------------------------------- execution

    def _context(self, header: Header) -> ExecutionContext:
        return ExecutionContext(
            coinbase=header.coinbase,
            timestamp=header.timestamp,
            block_number=header.number,
            difficulty=0,
            mix_hash=header.mix_hash,
            gas_limit=header.gas_limit,
            prev_hashes=self._ancestors(header.parent_hash),
            chain_id=self.settings.chain_id,
            base_fee_per_gas=header.base_fee,
            excess_blob_gas=0,
        )

    def _ancestors(self, parent_hash: bytes):
        while True:
            block = self.by_hash.get(parent_hash) or self._unpublished.get(parent_hash)
            if block is None:
                return
            yield block.hash
            parent_hash = block.header.parent_hash

    def _draft(self, parent: Header, coinbase: bytes, extra_data: bytes) -> Header:
        earliest = parent.timestamp + 1 if self.settings.strict_timestamps else parent.timestamp
        return Header(
            parent_hash=parent.hash,
            uncles_hash=EMPTY_UNCLES_HASH,
            coinbase=coinbase,
            state_root=ZERO_HASH,
            transactions_root=ZERO_HASH,
            receipts_root=ZERO_HASH,
            bloom=bytes(256),
            difficulty=0,
            number=parent.number + 1,
            gas_limit=parent.gas_limit,
            gas_used=0,
            timestamp=max(earliest, int(time.time())),
            extra_data=extra_data,
            mix_hash=keccak(parent.mix_hash + parent.number.to_bytes(8, "big")),
            nonce=bytes(8),
            base_fee=next_base_fee(parent),
            withdrawals_root=trie.EMPTY_ROOT,
            blob_gas_used=0,
            excess_blob_gas=0,
            parent_beacon_root=ZERO_HASH,
            requests_hash=EMPTY_REQUESTS_HASH,
        )

    async def _build(
        self,
        parent: Header,
        state: State,
        transactions: list[Transaction],
        coinbase: bytes = b"\xc0" * 20,
        extra_data: bytes = b"tocsin devnet",
    ) -> tuple[Block, list[Dropped]]:
        draft = self._draft(parent, coinbase, extra_data)
        state.execution_context = self._context(draft)
        included: list[Transaction] = []
        receipts: list[Receipt] = []
        dropped: list[Dropped] = []
        gas_used = 0
        logs = 0
        resumed = time.monotonic()
        for transaction in transactions:
            if gas_used + transaction.gas > draft.gas_limit:
                dropped.append(Dropped(transaction, "exceeds block gas limit"))
                continue
            state.lock_changes()
            try:
                computation = state.apply_transaction(transaction)
            except (ValidationError, TransactionError) as error:
                dropped.append(Dropped(transaction, str(error)))
                continue
            used = PragueVM.finalize_gas_used(transaction, computation)
            gas_used += used
            entries = [
                Log(address, tuple(topic.to_bytes(32, "big") for topic in topics), data)
                for address, topics, data in computation.get_log_entries()
            ]
            created = None if transaction.to else computation.msg.storage_address
            receipts.append(Receipt(computation.is_success, gas_used, used, entries, logs, created))
            included.append(transaction)
            logs += len(entries)
            if time.monotonic() - resumed > _SLICE_SECONDS:
                await asyncio.sleep(0)
                resumed = time.monotonic()
        version = state.database.seal()
        return Block(sealed_header(draft, included, receipts, version), included, receipts, version), dropped
