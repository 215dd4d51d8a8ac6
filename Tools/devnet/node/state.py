"""The world state behind the virtual machine: accounts, code and storage of one version of the chain.

py-evm's own account database rebuilds its caches and its tries with every block. This one keeps them: values live in
dictionaries, an undo journal takes back what reverted, and the tries are brought up to date once per block. It
implements the same interface, so the machine above it is unchanged.
"""

from typing import NamedTuple

from eth.abc import AccountDatabaseAPI, TransientStorageAPI
from eth_hash.auto import keccak

from . import rlp, trie

EMPTY_CODE_HASH = keccak(b"")


class Account(NamedTuple):
    nonce: int
    balance: int
    code_hash: bytes


_NEW_ACCOUNT = Account(0, 0, EMPTY_CODE_HASH)


class Version(NamedTuple):
    """Everything needed to read, or go on from, the state after one block."""

    accounts: object
    storages: dict[bytes, object]

    @property
    def root(self) -> bytes:
        return trie.root_hash(self.accounts)


EMPTY_VERSION = Version(None, {})


class StateDatabase(AccountDatabaseAPI):
    """Accounts and storage on top of a version.

    `codes` maps code hashes to code. It is shared by all databases of a chain and only ever grows.
    """

    def __init__(self, version: Version, codes: dict[bytes, bytes]) -> None:
        self.codes = codes
        self._version = version
        self._root = version.root
        self._accounts: dict[bytes, Account | None] = {}
        self._storage: dict[bytes, dict[int, int]] = {}
        self._wiped: set[bytes] = set()
        self._dirty_accounts: set[bytes] = set()
        self._dirty_slots: dict[bytes, set[int]] = {}
        self._journal: list[tuple] = []
        self._checkpoints: dict[int, int] = {}
        self._next_checkpoint = 0
        self._originals: dict[tuple[bytes, int], int] = {}
        self.warm: set = set()

    # ------------------------------------------------------------ accounts

    def _account(self, address: bytes) -> Account | None:
        try:
            return self._accounts[address]
        except KeyError:
            encoded = trie.get(self._version.accounts, trie.nibbles(keccak(address)))
            account = None
            if encoded is not None:
                nonce, balance, _, code_hash = rlp.decode(encoded)
                account = Account(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), code_hash)
            self._accounts[address] = account
            return account

    def _set_account(self, address: bytes, account: Account | None) -> None:
        self._journal.append((_undo_account, address, self._account(address)))
        self._accounts[address] = account
        self._dirty_accounts.add(address)

    def get_balance(self, address: bytes) -> int:
        return (self._account(address) or _NEW_ACCOUNT).balance

    def set_balance(self, address: bytes, balance: int) -> None:
        if not 0 <= balance < 2**256:
            raise ValueError("balance out of range")
        account = self._account(address) or _NEW_ACCOUNT
        self._set_account(address, Account(account.nonce, balance, account.code_hash))

    def get_nonce(self, address: bytes) -> int:
        return (self._account(address) or _NEW_ACCOUNT).nonce

    def set_nonce(self, address: bytes, nonce: int) -> None:
        account = self._account(address) or _NEW_ACCOUNT
        self._set_account(address, Account(nonce, account.balance, account.code_hash))

    def increment_nonce(self, address: bytes) -> None:
        self.set_nonce(address, self.get_nonce(address) + 1)

    def get_code_hash(self, address: bytes) -> bytes:
        return (self._account(address) or _NEW_ACCOUNT).code_hash

    def get_code(self, address: bytes) -> bytes:
        code_hash = self.get_code_hash(address)
        return b"" if code_hash == EMPTY_CODE_HASH else self.codes[code_hash]

    def set_code(self, address: bytes, code: bytes) -> None:
        code_hash = keccak(code)
        self.codes[code_hash] = code
        account = self._account(address) or _NEW_ACCOUNT
        self._set_account(address, Account(account.nonce, account.balance, code_hash))

    def delete_code(self, address: bytes) -> None:
        account = self._account(address) or _NEW_ACCOUNT
        self._set_account(address, Account(account.nonce, account.balance, EMPTY_CODE_HASH))

    def account_exists(self, address: bytes) -> bool:
        return self._account(address) is not None

    def account_has_code_or_nonce(self, address: bytes) -> bool:
        account = self._account(address) or _NEW_ACCOUNT
        return account.nonce != 0 or account.code_hash != EMPTY_CODE_HASH

    def account_is_empty(self, address: bytes) -> bool:
        return (self._account(address) or _NEW_ACCOUNT) == _NEW_ACCOUNT

    def touch_account(self, address: bytes) -> None:
        if self._account(address) is None:
            self._set_account(address, _NEW_ACCOUNT)

    def delete_account(self, address: bytes) -> None:
        self.delete_storage(address)
        self._set_account(address, None)

    # ------------------------------------------------------------- storage

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        """The value of a slot now or, with `from_journal` false, before the transaction."""
        if not from_journal:
            original = self._originals.get((address, slot))
            if original is not None:
                return original
        slots = self._storage.get(address)
        if slots is None:
            slots = self._storage[address] = {}
        value = slots.get(slot)
        if value is None:
            value = 0
            node = None if address in self._wiped else self._version.storages.get(address)
            if node is not None:
                encoded = trie.get(node, trie.nibbles(keccak(slot.to_bytes(32, "big"))))
                if encoded is not None:
                    value = int.from_bytes(rlp.decode(encoded), "big")
            slots[slot] = value
        return value

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        old = self.get_storage(address, slot)
        if old == value:
            return
        self._originals.setdefault((address, slot), old)
        self._journal.append((_undo_slot, address, slot, old))
        self._storage[address][slot] = value
        dirty = self._dirty_slots.get(address)
        if dirty is None:
            dirty = self._dirty_slots[address] = set()
        dirty.add(slot)

    def delete_storage(self, address: bytes) -> None:
        slots = self._storage.get(address, {})
        if not slots and (address in self._wiped or address not in self._version.storages):
            return
        self._journal.append((_undo_wipe, address, slots, self._dirty_slots.pop(address, None), address in self._wiped))
        self._storage[address] = {}
        self._wiped.add(address)
        self._dirty_accounts.add(address)

    # ------------------------------------------------------ accesses (EIP-2929)

    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        return (address, slot) in self.warm

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        if (address, slot) not in self.warm:
            self._warm_up((address, slot))

    def is_address_warm(self, address: bytes) -> bool:
        return address in self.warm

    def mark_address_warm(self, address: bytes) -> None:
        if address not in self.warm:
            self._warm_up(address)

    def _warm_up(self, key) -> None:
        self.warm.add(key)
        self._journal.append((_undo_warm, key))

    # ---------------------------------------------------------- checkpoints

    def record(self) -> int:
        self._next_checkpoint += 1
        self._checkpoints[self._next_checkpoint] = len(self._journal)
        return self._next_checkpoint

    def discard(self, checkpoint: int) -> None:
        journal = self._journal
        size = self._checkpoints.pop(checkpoint)
        while len(journal) > size:
            entry = journal.pop()
            entry[0](self, *entry[1:])

    def commit(self, checkpoint: int) -> None:
        self._checkpoints.pop(checkpoint, None)

    def lock_changes(self) -> None:
        """Begins a transaction: what happened so far can no longer be undone."""
        self._journal.clear()
        self._checkpoints.clear()
        self._originals.clear()
        self.warm = set()

    # ---------------------------------------------------------------- roots

    @property
    def state_root(self) -> bytes:
        return self._root

    @state_root.setter
    def state_root(self, value: bytes) -> None:
        # The machine writes back the root it read at a checkpoint. Roots change only between blocks.
        if value != self._root:
            raise ValueError("a state root cannot be assigned")

    def has_root(self, state_root: bytes) -> bool:
        return state_root == self._root

    def make_state_root(self) -> bytes:
        return self.seal().root

    def persist(self) -> None:
        self.seal()

    def seal(self) -> Version:
        """Brings the tries up to date and returns the version they form."""
        self.lock_changes()
        storages = dict(self._version.storages)
        for address in self._wiped:
            storages.pop(address, None)
        for address, slots in self._dirty_slots.items():
            values = self._storage[address]
            changes = [
                (trie.nibbles(keccak(slot.to_bytes(32, "big"))), rlp.encode(values[slot]) if values[slot] else None)
                for slot in slots
            ]
            changes.sort()
            node = trie.update(storages.get(address), changes)
            if node is None:
                storages.pop(address, None)
            else:
                storages[address] = node
            self._dirty_accounts.add(address)
        changes = []
        for address in self._dirty_accounts:
            account = self._account(address)
            encoded = None
            if account is not None:
                storage_root = trie.root_hash(storages.get(address))
                encoded = rlp.encode((account.nonce, account.balance, storage_root, account.code_hash))
            changes.append((trie.nibbles(keccak(address)), encoded))
        changes.sort()
        self._version = Version(trie.update(self._version.accounts, changes), storages)
        self._root = self._version.root
        self._wiped.clear()
        self._dirty_slots.clear()
        self._dirty_accounts.clear()
        return self._version


def _undo_account(database: StateDatabase, address: bytes, account: Account | None) -> None:
    database._accounts[address] = account


def _undo_slot(database: StateDatabase, address: bytes, slot: int, value: int) -> None:
    database._storage[address][slot] = value


def _undo_wipe(database: StateDatabase, address: bytes, slots: dict, dirty: set | None, was_wiped: bool) -> None:
    database._storage[address] = slots
    if dirty is not None:
        database._dirty_slots[address] = dirty
    if not was_wiped:
        database._wiped.discard(address)


def _undo_warm(database: StateDatabase, key) -> None:
    database.warm.discard(key)


class TransientStorage(TransientStorageAPI):
    """Storage that lasts for one transaction (EIP-1153)."""

    def __init__(self) -> None:
        self._values: dict[tuple[bytes, int], bytes] = {}
        self._checkpoints: dict[int, dict] = {}

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        return self._values.get((address, slot), b"")

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        # Checkpoints hold the dictionary itself, so a change replaces it.
        self._values = {**self._values, (address, slot): value}

    def record(self, checkpoint: int) -> None:
        self._checkpoints[checkpoint] = self._values

    def commit(self, checkpoint: int) -> None:
        self._checkpoints.pop(checkpoint, None)

    def discard(self, checkpoint: int) -> None:
        self._values = self._checkpoints.pop(checkpoint)

    def clear(self) -> None:
        self._values = {}
        self._checkpoints.clear()
