"""The machine and its state against py-evm's own, and the tries against py-trie's."""

import asyncio
import random
import time

import pytest
import rlp as reference_rlp
from coincurve import PrivateKey
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.db.trie import make_trie_root_and_nodes
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlock
from eth.vm.message import Message
from eth_abi import encode as abi_encode
from eth_hash.auto import keccak
from trie import HexaryTrie

from node import contracts, rlp, transactions, trie
from node.chain import Chain, Settings
from node.machine import ReferenceState, State
from node.registries import BULK, IDENTITY, REPUTATION, VALIDATION, call_data
from node.state import EMPTY_VERSION, StateDatabase

CHAIN_ID = 31337
BALANCE = 10**27
KEYS = [PrivateKey(keccak(bytes([index]))) for index in range(4)]
ADDRESSES = [transactions.address_of(key) for key in KEYS]


def context(header) -> ExecutionContext:
    return ExecutionContext(
        coinbase=header.coinbase,
        timestamp=header.timestamp,
        block_number=header.number,
        difficulty=0,
        mix_hash=header.mix_hash,
        gas_limit=header.gas_limit,
        prev_hashes=(),
        chain_id=CHAIN_ID,
        base_fee_per_gas=header.base_fee,
        excess_blob_gas=0,
    )


class Script:
    """Signs transactions with the right nonces."""

    def __init__(self) -> None:
        self._nonces = [0] * len(KEYS)

    def __call__(self, index: int, to: bytes, data: bytes, gas: int = 10_000_000, value: int = 0, legacy=False):
        nonce = self._nonces[index]
        self._nonces[index] += 1
        return transactions.sign(
            KEYS[index],
            ADDRESSES[index],
            chain_id=CHAIN_ID,
            nonce=nonce,
            max_fee_per_gas=3 * 10**9,
            max_priority_fee_per_gas=None if legacy else 10**9,
            gas=gas,
            to=to,
            value=value,
            data=data,
        )


def varied_blocks(seed: int):
    """Blocks of transactions of every sort, some of which revert or run out of gas."""
    chance = random.Random(seed)
    script = Script()

    def created(nonce: int) -> bytes:
        return keccak(rlp.encode((ADDRESSES[0], nonce)))[12:]

    identity, reputation, validation, bulk = (created(nonce) for nonce in range(4))
    argument = abi_encode(["address"], ["0x" + identity.hex()])
    yield [
        script(0, b"", contracts.load("identity").bytecode, gas=20_000_000),
        script(0, b"", contracts.load("reputation").bytecode + argument, gas=20_000_000),
        script(0, b"", contracts.load("validation").bytecode + argument, gas=20_000_000),
        script(0, b"", contracts.load("bulk").bytecode, gas=20_000_000, legacy=True),
    ]
    hexadecimal = ["0x" + address.hex() for address in ADDRESSES]

    def text() -> str:
        return "é" * chance.choice([0, 1, 5, 16, 31, 32, 33, 200])

    def any_transaction():
        sender = chance.randrange(4)
        agent = chance.randrange(12)
        other = chance.choice(hexadecimal)
        digest = keccak(bytes([chance.randrange(6)]))
        kind = chance.randrange(16)
        gas = chance.choice([10_000_000, 10_000_000, 10_000_000, 200_000, 90_000])
        if kind < 3:
            entries = [(text()[:120] + str(index), text().encode()) for index in range(chance.randrange(3))]
            calls = [
                call_data(IDENTITY["register"]),
                call_data(IDENTITY["register_uri"], text()),
                call_data(IDENTITY["register_metadata"], text(), entries),
            ]
            return script(sender, identity, calls[kind], gas)
        if kind < 6:
            value = chance.choice([0, 1, -1, 10**38, -(10**38), 10**38 + 1])
            data = call_data(
                REPUTATION["give_feedback"],
                agent,
                value,
                chance.choice([0, 18, 19]),
                text(),
                text(),
                "",
                text(),
                digest,
            )
            return script(sender, reputation, data, gas)
        if kind == 6:
            return script(sender, reputation, call_data(REPUTATION["revoke_feedback"], agent, chance.randrange(3)), gas)
        if kind == 7:
            data = call_data(REPUTATION["append_response"], agent, other, chance.randrange(3), text(), digest)
            return script(sender, reputation, data, gas)
        if kind == 8:
            return script(sender, validation, call_data(VALIDATION["request"], other, agent, text(), digest), gas)
        if kind == 9:
            data = call_data(VALIDATION["respond"], digest, chance.choice([0, 100, 101]), text(), digest, text())
            return script(sender, validation, data, gas)
        if kind == 10:
            name = chance.choice(["transfer", "safe_transfer"])
            return script(sender, identity, call_data(IDENTITY[name], hexadecimal[sender], other, agent), gas)
        if kind == 11:
            return script(sender, identity, call_data(IDENTITY["set_metadata"], agent, text(), text().encode()), gas)
        if kind == 12:
            return script(sender, identity, call_data(IDENTITY["unset_wallet"], agent), gas)
        if kind == 13:
            call = call_data(IDENTITY["register_uri"], text())
            return script(sender, bulk, call_data(BULK["repeat"], "0x" + identity.hex(), call, 3), gas)
        if kind == 14:
            return script(sender, chance.choice([*ADDRESSES, b"\x07" * 20, bytes(19) + b"\x02"]), b"", value=12345)
        return script(sender, identity, call_data(IDENTITY["set_uri"], agent, text()), gas, legacy=True)

    for _ in range(6):
        yield [any_transaction() for _ in range(chance.randrange(12))]


@pytest.mark.parametrize("seed", range(4))
def test_blocks_have_the_roots_that_py_evm_computes(seed):
    chain = Chain(Settings(), dict.fromkeys(ADDRESSES, BALANCE))
    state = ReferenceState(AtomicDB(), context(chain.head.header), BLANK_ROOT_HASH)
    for address in ADDRESSES:
        state.set_balance(address, BALANCE)
    state.persist()
    assert state.state_root == chain.head.header.state_root
    builder = PragueBlock.get_transaction_builder()
    outcomes = set()
    for body in varied_blocks(seed):
        block, dropped = asyncio.run(chain.append(body))
        assert not dropped
        header = block.header
        state.execution_context = context(header)
        receipts = []
        gas_used = 0
        for transaction, receipt in zip(body, block.receipts):
            decoded = builder.decode(transaction.raw)
            assert decoded.sender == transaction.sender and decoded.hash == transaction.hash
            state.lock_changes()
            computation = state.apply_transaction(decoded)
            gas_used += PragueVM.finalize_gas_used(decoded, computation)
            assert receipt.succeeded == computation.is_success
            assert receipt.cumulative_gas == gas_used
            outcomes.add(computation.is_success)
            logs = computation.get_log_entries()
            receipts.append(decoded.make_receipt(b"\x01" if computation.is_success else b"", gas_used, logs))
        state.persist()
        assert header.state_root == state.state_root
        assert header.receipts_root == make_trie_root_and_nodes(receipts)[0]
        assert header.transactions_root == make_trie_root_and_nodes([builder.decode(t.raw) for t in body])[0]
        bloom = 0
        for receipt in receipts:
            bloom |= receipt.bloom
        assert int.from_bytes(header.bloom, "big") == bloom
        assert header.gas_used == gas_used
    assert outcomes == {True, False}


def random_program(chance: random.Random) -> bytes:
    """Code that mostly keeps enough on the stack and mostly stays within reach of memory."""
    code = bytearray()
    depth = 0

    def push(value: int) -> None:
        nonlocal depth
        data = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
        code.extend(bytes([0x5F + len(data)]) + data)
        depth += 1

    words = [0, 1, 2, 31, 32, 33, 64, 255, 256, 257, 2**255, 2**256 - 1, 2**128, chance.getrandbits(256)]
    small = [0, 1, 5, 31, 32, 33, 64, 100, 300]
    for _ in range(chance.randrange(10, 120)):
        choice = chance.randrange(24)
        if choice < 6:
            push(chance.choice(words))
        elif choice < 9:
            push(chance.choice(words))
            push(chance.choice(words))
            code.append(chance.choice([*range(0x01, 0x08), *range(0x0B, 0x0C), *range(0x10, 0x15), *range(0x16, 0x19),
                                       0x1A, 0x1B, 0x1C, 0x1D, 0x0A]))  # fmt: skip
            depth -= 1
        elif choice == 9:
            push(chance.choice(words))
            code.append(chance.choice([0x15, 0x19]))
        elif choice == 10:
            push(chance.choice(words))
            push(chance.choice(small))
            code.append(chance.choice([0x52, 0x53]))
            depth -= 2
        elif choice == 11:
            push(chance.choice(small))
            code.append(0x51)
        elif choice == 12:
            push(chance.choice(small))
            push(chance.choice(small))
            code.append(0x20)
            depth -= 1
        elif choice == 13:
            push(chance.choice([0, 0, 1, 7]))
            push(chance.randrange(4))
            code.append(0x55)
            depth -= 2
        elif choice == 14:
            push(chance.randrange(4))
            code.append(0x54)
        elif choice == 15:
            for _ in range(3):
                push(chance.choice(small))
            code.append(chance.choice([0x37, 0x39, 0x5E, 0x3E]))
            depth -= 3
        elif choice == 16:
            push(chance.choice([*small, 2**256 - 1]))
            code.append(0x35)
        elif choice == 17:
            code.append(chance.choice([0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x3D, 0x41, 0x42, 0x43, 0x44, 0x45,
                                       0x46, 0x47, 0x48, 0x58, 0x59, 0x5A, 0x5F]))  # fmt: skip
            depth += 1
        elif choice == 18 and depth:
            code.append(0x80 + chance.randrange(min(depth, 16)))
            depth += 1
        elif choice == 19 and depth > 1:
            code.append(0x90 + chance.randrange(min(depth - 1, 16)))
        elif choice == 20:
            count = chance.randrange(5)
            for _ in range(count):
                push(chance.choice(words))
            push(chance.choice(small))
            push(chance.choice(small))
            code.append(0xA0 + count)
            depth -= count + 2
        elif choice == 21:
            # Jumps over a byte, if the condition holds, to a proper destination or a false one.
            push(chance.choice([0, 1]))
            target = len(code) + 5
            code.extend(bytes([0x61]) + target.to_bytes(2, "big") + bytes([0x57, 0x00]))
            code.append(chance.choice([0x5B, 0x5B, 0x5B, 0x60]))
            depth -= 1
        elif choice == 22:
            # Calls itself, a precompile, or nobody; sometimes with value.
            target = chance.choice([0xAA, 2, 4, 0xDEAD])
            for value in (32, 0, 32, 0, chance.choice([0, 0, 1]), target, chance.choice([0, 700, 20000])):
                push(value)
            code.append(chance.choice([0xF1, 0xF2]))
            depth -= 6
        elif choice == 23 and chance.random() < 0.3:
            code.append(chance.choice([0x00, 0xFE, 0xF3, 0xFD, 0x50, 0x0C, 0x21, 0xFF, 0x5C, 0x5D, 0x3B, 0x3F]))
        depth = max(depth, 0)
    return bytes(code)


def outcome(state, code: bytes, gas: int, is_static: bool):
    target = bytes(19) + b"\xaa"
    state.set_code(target, code)
    state.set_balance(target, 1000)
    state.set_storage(target, 1, 5)
    state.lock_changes()
    message = Message(
        gas=gas,
        to=target,
        sender=b"\x05" * 20,
        value=0,
        data=b"\x01\x02" * 20,
        code=code,
        is_static=is_static,
    )
    transaction_context = state.get_transaction_context_class()(gas_price=7, origin=b"\x05" * 20)
    computation = state.computation_class.apply_message(state, message, transaction_context)
    result = (
        computation.is_success,
        computation.output,
        computation.get_gas_remaining(),
        computation.get_gas_refund(),
        computation.get_log_entries(),
        [state.get_storage(target, slot) for slot in range(5)],
        state.get_balance(target),
    )
    state.clear_transient_storage()
    return result, state.make_state_root()


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_do_what_they_do_in_py_evm(seed):
    chance = random.Random(seed)
    header = Chain(Settings(), {}).head.header
    succeeded = 0
    for _ in range(60):
        code = random_program(chance)
        gas = chance.choice([1_000_000, 1_000_000, 100_000, 10_000, 2_000])
        is_static = chance.random() < 0.2
        ours, our_root = outcome(State(EMPTY_VERSION, {}, context(header)), code, gas, is_static)
        theirs, their_root = outcome(ReferenceState(AtomicDB(), context(header), BLANK_ROOT_HASH), code, gas, is_static)
        assert ours == theirs, code.hex()
        assert our_root == their_root, code.hex()
        succeeded += ours[0]
    assert succeeded > 5


@pytest.mark.parametrize("seed", range(20))
def test_tries_agree_with_py_trie(seed):
    chance = random.Random(seed)
    keys = [bytes(chance.choice([0, 1, 16, 17, 255]) for _ in range(3 + seed % 2)) for _ in range(60)]
    reference = HexaryTrie({})
    node = None
    versions = []
    live: dict[bytes, bytes] = {}
    for _ in range(30):
        changes = {}
        for _ in range(chance.randrange(9)):
            changes[chance.choice(keys)] = (
                None if chance.random() < 0.4 else chance.randbytes(chance.choice([1, 2, 40]))
            )
        for key, value in changes.items():
            if value is not None:
                reference[key] = live[key] = value
            elif live.pop(key, None) is not None:
                del reference[key]
        node = trie.update(node, sorted((trie.nibbles(key), value) for key, value in changes.items()))
        assert trie.root_hash(node) == reference.root_hash
        assert all(trie.get(node, trie.nibbles(key)) == live.get(key) for key in keys)
        versions.append((node, reference.root_hash))
    assert all(trie.root_hash(node) == root for node, root in versions)


@pytest.mark.parametrize("count", [0, 1, 2, 16, 17, 127, 128, 129, 300])
def test_list_roots_agree_with_py_trie(count):
    items = [keccak(bytes([index % 256])) * (1 + index % 5) for index in range(count)]
    reference = HexaryTrie({})
    for index, item in enumerate(items):
        reference[reference_rlp.encode(index)] = item
    assert trie.list_root(items) == reference.root_hash


def test_rlp_agrees_with_the_package():
    chance = random.Random(1)
    for _ in range(200):
        item = [chance.randbytes(chance.choice([0, 1, 55, 56, 300])) for _ in range(chance.randrange(5))]
        item.append([item[:2], []])
        assert rlp.encode(item) == reference_rlp.encode(item)
        assert rlp.decode(rlp.encode(item)) == reference_rlp.decode(reference_rlp.encode(item))


@pytest.mark.parametrize("data", ["", "8100", "b800", "b90001", "c100c1", "82", "c3", "f838"])
def test_rlp_refuses_what_is_not_canonical(data):
    with pytest.raises(ValueError):
        rlp.decode(bytes.fromhex(data))


def test_an_older_version_of_the_state_stays_readable():
    database = StateDatabase(EMPTY_VERSION, {})
    database.set_balance(b"\x01" * 20, 5)
    database.set_storage(b"\x01" * 20, 3, 4)
    first = database.seal()
    database.set_storage(b"\x01" * 20, 3, 0)
    database.set_balance(b"\x01" * 20, 9)
    second = database.seal()
    assert StateDatabase(first, {}).get_storage(b"\x01" * 20, 3) == 4
    assert StateDatabase(second, {}).get_storage(b"\x01" * 20, 3) == 0
    assert StateDatabase(first, {}).get_balance(b"\x01" * 20) == 5


def test_a_thousand_registrations_take_seconds():
    """Guards against a lapse back to py-evm's own pace; the bound is far above what it takes."""
    chain = Chain(Settings(), dict.fromkeys(ADDRESSES, BALANCE))
    script = Script()
    identity = keccak(rlp.encode((ADDRESSES[0], 0)))[12:]
    asyncio.run(chain.append([script(0, b"", contracts.load("identity").bytecode, gas=20_000_000)]))
    body = [script(1, identity, call_data(IDENTITY["register_uri"], "https://agents.example/1")) for _ in range(1000)]
    started = time.monotonic()
    block, _ = asyncio.run(chain.append(body))
    assert len(block.logs) == 4000
    assert time.monotonic() - started < 10
