"""The Ethereum virtual machine: py-evm's Prague rules with a quicker interpreter loop.

py-evm spends most of its time on calls around each instruction. The loop below executes the frequent instructions
itself, on py-evm's own stack, memory and gas meter, and hands every other one to py-evm. `PragueState` is still at
hand as `ReferenceState`; a test executes the same blocks on both and compares their roots.
"""

from functools import lru_cache

from eth.exceptions import FullStack, Halt, InsufficientStack, InvalidJumpDestination, OutOfGas
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth.vm.logic.invalid import InvalidOpcode
from eth_hash.auto import keccak

from .state import StateDatabase, TransientStorage, Version

WORD = 2**256
MASK = WORD - 1
SIGN = 2**255

# Constant cost of the instructions executed here; the others are charged by py-evm.
_COSTS = [0] * 256
for _opcode in (0x01, 0x03, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1B, 0x1C, 0x35, 0x37, 0x39):
    _COSTS[_opcode] = 3
for _opcode in (0x51, 0x52, 0x5E, *range(0x60, 0xA0)):
    _COSTS[_opcode] = 3
for _opcode in (0x02, 0x04, 0x06):
    _COSTS[_opcode] = 5
for _opcode in (0x33, 0x34, 0x36, 0x3D, 0x50, 0x5F):
    _COSTS[_opcode] = 2
for _topics in range(5):
    _COSTS[0xA0 + _topics] = 375 * (1 + _topics)
_COSTS[0x20] = 30
_COSTS[0x56] = 8
_COSTS[0x57] = 10
_COSTS[0x5B] = 1

_WARM_ACCESS = 100
_COLD_SLOT = 2100
_SLOT_SET = 20000
_SLOT_RESET = 2900
_SLOT_CLEARED_REFUND = 4800
_SLOT_STIPEND = 2300


@lru_cache(maxsize=256)
def _analysis(code: bytes) -> tuple[frozenset[int], dict[int, tuple[int, int]]]:
    """Where one may jump to, and by position the value of each PUSH with the position that follows."""
    destinations = []
    pushes = {}
    position = 0
    while position < len(code):
        opcode = code[position]
        position += 1
        if opcode == 0x5B:
            destinations.append(position - 1)
        elif 0x60 <= opcode <= 0x7F:
            size = opcode - 0x5F
            data = code[position : position + size].ljust(size, b"\x00")
            pushes[position] = (int.from_bytes(data, "big"), position + size)
            position += size
    return frozenset(destinations), pushes


def _expansion_cost(size: int, end: int) -> tuple[int, int]:
    """The bytes to add so that memory of `size` reaches `end`, and their cost."""
    before = size // 32
    after = (end + 31) // 32
    return (after - before) * 32, 3 * (after - before) + after * after // 512 - before * before // 512


class Computation(PragueComputation):
    @classmethod
    def apply_computation(cls, state, message, transaction_context, parent_computation=None):
        with cls(state, message, transaction_context) as computation:
            if computation.is_origin_computation:
                computation.contracts_created = []
                if message.is_create:
                    cls.consume_initcode_gas_cost(computation)
            if parent_computation is not None:
                computation.contracts_created = parent_computation.contracts_created
            if message.is_create:
                computation.contracts_created.append(message.storage_address)
            precompile = computation.precompiles.get(message.code_address)
            if precompile is None:
                _run(computation)
            elif not message.is_delegation:
                precompile(computation)
        return computation


def _run(computation: Computation) -> None:
    try:
        _interpret(computation)
    except Halt:
        pass
    except IndexError:
        raise InsufficientStack("too few items on the stack") from None


def _interpret(computation: Computation) -> None:
    message = computation.msg
    code = message.code
    data = message.data_as_bytes
    address = message.storage_address
    database: StateDatabase = computation.state._account_db
    opcodes = computation.opcodes
    stream = computation.code
    meter = computation._gas_meter
    stack = computation._stack.values
    push = stack.append
    pop = stack.pop
    memory = computation._memory._bytes
    destinations, pushes = _analysis(code)
    costs = _COSTS
    size = len(code)
    gas = meter.gas_remaining
    position = 0

    while True:
        opcode = code[position] if position < size else 0
        position += 1
        gas -= costs[opcode]
        if gas < 0:
            raise OutOfGas("constant cost")

        if opcode >= 0x5F:
            if opcode < 0x80:  # PUSH0 to PUSH32
                if len(stack) >= 1024:
                    raise FullStack("stack limit reached")
                if opcode == 0x5F:
                    push(0)
                else:
                    value, position = pushes[position]
                    push(value)
                continue
            if opcode < 0x90:  # DUP1 to DUP16
                if len(stack) >= 1024:
                    raise FullStack("stack limit reached")
                push(stack[0x7F - opcode])
                continue
            if opcode < 0xA0:  # SWAP1 to SWAP16
                other = 0x8E - opcode
                stack[-1], stack[other] = stack[other], stack[-1]
                continue
            if opcode <= 0xA4 and not message.is_static:  # LOG0 to LOG4
                offset = pop()
                length = pop()
                topics = tuple([pop() for _ in range(opcode - 0xA0)])
                gas -= length * 8
                content = b""
                if length:
                    end = offset + length
                    if end > len(memory):
                        added, cost = _expansion_cost(len(memory), end)
                        gas -= cost
                        if gas < 0:
                            raise OutOfGas("memory")
                        memory.extend(bytes(added))
                    if gas < 0:
                        raise OutOfGas("log")
                    content = bytes(memory[offset:end])
                order = computation.transaction_context.get_next_log_counter()
                computation._log_entries.append((order, address, topics, content))
                continue

        elif opcode >= 0x50:
            if opcode == 0x52:  # MSTORE
                offset = pop()
                value = pop()
                end = offset + 32
                if end > len(memory):
                    added, cost = _expansion_cost(len(memory), end)
                    gas -= cost
                    if gas < 0:
                        raise OutOfGas("memory")
                    memory.extend(bytes(added))
                memory[offset:end] = value.to_bytes(32, "big")
                continue
            if opcode == 0x51:  # MLOAD
                offset = pop()
                end = offset + 32
                if end > len(memory):
                    added, cost = _expansion_cost(len(memory), end)
                    gas -= cost
                    if gas < 0:
                        raise OutOfGas("memory")
                    memory.extend(bytes(added))
                push(int.from_bytes(memory[offset:end], "big"))
                continue
            if opcode == 0x57:  # JUMPI
                destination = pop()
                if pop():
                    if destination not in destinations:
                        raise InvalidJumpDestination("not a jump destination")
                    position = destination
                continue
            if opcode == 0x56:  # JUMP
                position = pop()
                if position not in destinations:
                    raise InvalidJumpDestination("not a jump destination")
                continue
            if opcode == 0x5B:  # JUMPDEST
                continue
            if opcode == 0x50:  # POP
                pop()
                continue
            if opcode == 0x54:  # SLOAD
                slot = pop()
                if (address, slot) in database.warm:
                    gas -= _WARM_ACCESS
                else:
                    database.mark_storage_warm(address, slot)
                    gas -= _COLD_SLOT
                if gas < 0:
                    raise OutOfGas("storage read")
                push(database.get_storage(address, slot))
                continue
            if opcode == 0x55 and not message.is_static:  # SSTORE
                if gas <= _SLOT_STIPEND:
                    raise OutOfGas("storage write below the stipend")
                slot = pop()
                value = pop()
                cost, refund = _storage_cost(database, address, slot, value)
                gas -= cost
                if gas < 0:
                    raise OutOfGas("storage write")
                if refund:
                    computation.refund_gas(refund)
                database.set_storage(address, slot, value)
                continue
            if opcode == 0x5E:  # MCOPY
                target = pop()
                source = pop()
                length = pop()
                gas -= (length + 31) // 32 * 3
                if length:
                    end = max(target, source) + length
                    if end > len(memory):
                        added, cost = _expansion_cost(len(memory), end)
                        gas -= cost
                        if gas < 0:
                            raise OutOfGas("memory")
                        memory.extend(bytes(added))
                    if gas < 0:
                        raise OutOfGas("copy")
                    memory[target : target + length] = memory[source : source + length]
                continue

        elif opcode >= 0x10:
            if opcode < 0x20:
                if opcode == 0x15:  # ISZERO
                    stack[-1] = 0 if stack[-1] else 1
                    continue
                if opcode == 0x19:  # NOT
                    stack[-1] = MASK - stack[-1]
                    continue
                if opcode <= 0x1C and opcode != 0x1A:
                    left = pop()
                    right = stack[-1]
                    if opcode == 0x16:  # AND
                        stack[-1] = left & right
                    elif opcode == 0x14:  # EQ
                        stack[-1] = 1 if left == right else 0
                    elif opcode == 0x11:  # GT
                        stack[-1] = 1 if left > right else 0
                    elif opcode == 0x10:  # LT
                        stack[-1] = 1 if left < right else 0
                    elif opcode == 0x1B:  # SHL
                        stack[-1] = (right << left) & MASK if left < 256 else 0
                    elif opcode == 0x1C:  # SHR
                        stack[-1] = right >> left if left < 256 else 0
                    elif opcode == 0x17:  # OR
                        stack[-1] = left | right
                    elif opcode == 0x18:  # XOR
                        stack[-1] = left ^ right
                    elif opcode == 0x12:  # SLT: flipping the signs orders two's complements
                        stack[-1] = 1 if left ^ SIGN < right ^ SIGN else 0
                    else:  # SGT
                        stack[-1] = 1 if left ^ SIGN > right ^ SIGN else 0
                    continue
            elif opcode == 0x35:  # CALLDATALOAD
                offset = stack[-1]
                stack[-1] = int.from_bytes(data[offset : offset + 32].ljust(32, b"\x00"), "big")
                continue
            elif opcode == 0x20:  # KECCAK256
                offset = pop()
                length = pop()
                gas -= (length + 31) // 32 * 6
                if length:
                    end = offset + length
                    if end > len(memory):
                        added, cost = _expansion_cost(len(memory), end)
                        gas -= cost
                        if gas < 0:
                            raise OutOfGas("memory")
                        memory.extend(bytes(added))
                    if gas < 0:
                        raise OutOfGas("hash")
                    push(int.from_bytes(keccak(bytes(memory[offset:end])), "big"))
                else:
                    push(int.from_bytes(keccak(b""), "big"))
                continue
            elif opcode == 0x33 or opcode == 0x34 or opcode == 0x36 or opcode == 0x3D:
                if len(stack) >= 1024:
                    raise FullStack("stack limit reached")
                if opcode == 0x33:  # CALLER
                    push(int.from_bytes(message.sender, "big"))
                elif opcode == 0x34:  # CALLVALUE
                    push(message.value)
                elif opcode == 0x36:  # CALLDATASIZE
                    push(len(data))
                else:  # RETURNDATASIZE
                    push(len(computation.return_data))
                continue
            elif opcode == 0x37 or opcode == 0x39:  # CALLDATACOPY, CODECOPY
                target = pop()
                source = pop()
                length = pop()
                gas -= (length + 31) // 32 * 3
                if length:
                    end = target + length
                    if end > len(memory):
                        added, cost = _expansion_cost(len(memory), end)
                        gas -= cost
                        if gas < 0:
                            raise OutOfGas("memory")
                        memory.extend(bytes(added))
                    if gas < 0:
                        raise OutOfGas("copy")
                    origin = data if opcode == 0x37 else code
                    memory[target:end] = origin[source : source + length].ljust(length, b"\x00")
                continue

        elif opcode == 0x01:  # ADD
            stack[-1] = (pop() + stack[-1]) & MASK
            continue
        elif opcode == 0x03:  # SUB
            stack[-1] = (pop() - stack[-1]) & MASK
            continue
        elif opcode == 0x02:  # MUL
            stack[-1] = (pop() * stack[-1]) & MASK
            continue
        elif opcode == 0x04:  # DIV
            left = pop()
            stack[-1] = left // stack[-1] if stack[-1] else 0
            continue
        elif opcode == 0x06:  # MOD
            left = pop()
            stack[-1] = left % stack[-1] if stack[-1] else 0
            continue

        # Everything else is py-evm's: bring its view up to date, let it act, and take over what it changed.
        stream.program_counter = position
        meter.gas_remaining = gas
        operation = opcodes.get(opcode) or InvalidOpcode(opcode)
        operation(computation=computation)
        position = stream.program_counter
        gas = meter.gas_remaining
        memory = computation._memory._bytes
        if stack and isinstance(stack[-1], bytes):
            stack[-1] = int.from_bytes(stack[-1], "big")


def _storage_cost(database: StateDatabase, address: bytes, slot: int, value: int) -> tuple[int, int]:
    """Cost and refund of a storage write, as EIP-2200 with the prices of EIP-2929 and EIP-3529."""
    current = database.get_storage(address, slot)
    original = database.get_storage(address, slot, from_journal=False)
    cost = _WARM_ACCESS
    refund = 0
    if current != value:
        if current == original:
            cost = _SLOT_RESET if original else _SLOT_SET
            if original and not value:
                refund = _SLOT_CLEARED_REFUND
        else:
            if original:
                if not current:
                    refund -= _SLOT_CLEARED_REFUND
                if not value:
                    refund += _SLOT_CLEARED_REFUND
            if original == value:
                refund += (_SLOT_RESET if original else _SLOT_SET) - _WARM_ACCESS
    if (address, slot) not in database.warm:
        database.mark_storage_warm(address, slot)
        cost += _COLD_SLOT
    return cost, refund


class State(PragueState):
    """py-evm's state on our database and interpreter."""

    computation_class = Computation
    _transient_storage_class = TransientStorage

    def __init__(self, version: Version, codes: dict[bytes, bytes], execution_context) -> None:
        self.execution_context = execution_context
        self._account_db = StateDatabase(version, codes)

    @property
    def database(self) -> StateDatabase:
        return self._account_db


ReferenceState = PragueState
