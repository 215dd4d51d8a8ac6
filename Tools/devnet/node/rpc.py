"""The JSON-RPC methods of the node.

A handler takes the list of parameters and returns a value for `json.dumps`, or bytes that are JSON already. It raises
`RPCError` for what the caller did wrong.
"""

import asyncio
import inspect
import json
import time

from coincurve import PrivateKey
from eth.exceptions import OutOfGas, Revert
from eth_hash.auto import keccak

from . import transactions
from .blocks import Block, text
from .chain import Chain
from .logs import LogFilter
from .transactions import Transaction, TransactionError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
EXECUTION_REVERTED = 3

TRANSACTION_GAS = 100_000_000
CALL_GAS = 500_000_000
PRIORITY_FEE = 1_000_000_000
BATCH_MAX = 100_000
MINED_MAX = 1_000_000


class RPCError(Exception):
    def __init__(self, code: int, message: str, data=None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Node:
    """Answers requests about one chain and decides when blocks are made.

    `block_time` is `None` to make a block for each transaction, zero to make blocks on request only, else seconds.
    """

    def __init__(
        self,
        chain: Chain,
        keys: list[PrivateKey],
        *,
        block_time: float | None = None,
        safe_distance: int = 2,
        finalized_distance: int = 4,
        range_max: int | None = None,
        results_max: int | None = None,
    ) -> None:
        self.chain = chain
        self.keys = {transactions.address_of(key): key for key in keys}
        self.accounts = list(self.keys)
        self.block_time = block_time
        self.safe_distance = safe_distance
        self.finalized_distance = finalized_distance
        self.range_max = range_max
        self.results_max = results_max
        self.information: dict = {}
        self.pending: list[Transaction] = []
        self._snapshots: list[Block] = []
        self._methods = {
            "_".join(name.split("_")[1:]): getattr(self, name) for name in dir(self) if name.startswith("rpc_")
        }

    # ------------------------------------------------------------ dispatch

    async def answer(self, body: bytes) -> bytes:
        """The response to one HTTP body: a request, or a batch of them in order."""
        try:
            request = json.loads(body)
        except ValueError:
            return _failure(None, RPCError(PARSE_ERROR, "parse error"))
        if not isinstance(request, list):
            return await self._respond(request)
        if not request:
            return _failure(None, RPCError(INVALID_REQUEST, "empty batch"))
        responses = [await self._respond(element) for element in request]
        responses = [response for response in responses if response]
        return b"[" + b",".join(responses) + b"]" if responses else b""

    async def _respond(self, request) -> bytes:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            identifier = request.get("id") if isinstance(request, dict) else None
            return _failure(identifier, RPCError(INVALID_REQUEST, "invalid request"))
        identifier = request.get("id")
        try:
            result = await self._call(request["method"], request.get("params"))
        except RPCError as error:
            return b"" if "id" not in request else _failure(identifier, error)
        if "id" not in request:
            return b""
        encoded = result if isinstance(result, bytes) else json.dumps(result, separators=(",", ":")).encode()
        return b'{"jsonrpc":"2.0","id":' + json.dumps(identifier).encode() + b',"result":' + encoded + b"}"

    async def _call(self, method: str, params):
        handler = self._methods.get(method)
        if handler is None:
            raise RPCError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        if params is None:
            params = []
        if isinstance(params, dict) and method.startswith("dev_"):
            params = [params]
        if not isinstance(params, list):
            raise RPCError(INVALID_PARAMS, "non-array args")
        try:
            result = handler(params)
            return await result if inspect.isawaitable(result) else result
        except RPCError:
            raise
        except TransactionError as error:
            raise RPCError(SERVER_ERROR, str(error)) from error
        except (IndexError, KeyError) as error:
            raise RPCError(INVALID_PARAMS, f"missing value for required argument {error}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise RPCError(INVALID_PARAMS, f"invalid argument: {error}") from error

    # --------------------------------------------------------------- about

    def rpc_eth_chainId(self, params):
        return hex(self.chain.settings.chain_id)

    def rpc_net_version(self, params):
        return str(self.chain.settings.chain_id)

    def rpc_net_listening(self, params):
        return True

    def rpc_web3_clientVersion(self, params):
        return "tocsin-devnet/1.0/py-evm"

    def rpc_web3_sha3(self, params):
        return text(keccak(_data(params[0])))

    def rpc_eth_syncing(self, params):
        return False

    def rpc_eth_accounts(self, params):
        return [text(address) for address in self.accounts]

    def rpc_eth_blockNumber(self, params):
        return hex(self.chain.head.number)

    def rpc_eth_gasPrice(self, params):
        return hex(self.chain.head.header.base_fee + PRIORITY_FEE)

    def rpc_eth_maxPriorityFeePerGas(self, params):
        return hex(PRIORITY_FEE)

    def rpc_dev_info(self, params):
        return self.information

    # -------------------------------------------------------------- blocks

    def _numbered(self, selector) -> Block | None:
        """The block that a number or a tag names."""
        head = self.chain.head.number
        if selector in ("latest", "pending"):
            return self.chain.head
        if selector == "earliest":
            return self.chain.block(0)
        if selector == "safe":
            return self.chain.block(max(0, head - self.safe_distance))
        if selector == "finalized":
            return self.chain.block(max(0, head - self.finalized_distance))
        return self.chain.block(_quantity(selector))

    def _selected(self, selector) -> Block:
        """The block whose state is asked for: a number, a tag, a hash or an object with either."""
        if selector is None:
            return self.chain.head
        if isinstance(selector, dict):
            if "blockHash" in selector:
                block = self.chain.by_hash.get(_hash(selector["blockHash"]))
                if block is None:
                    raise RPCError(SERVER_ERROR, "header for hash not found")
                return block
            selector = selector["blockNumber"]
        if isinstance(selector, str) and len(selector) == 66:
            return self._selected({"blockHash": selector})
        block = self._numbered(selector)
        if block is None:
            raise RPCError(SERVER_ERROR, "header not found")
        return block

    def rpc_eth_getBlockByNumber(self, params):
        if params[0] == "pending":
            return self._pending_block()
        block = self._numbered(params[0])
        return None if block is None else block.block_json(bool(params[1:] and params[1]))

    def rpc_eth_getBlockByHash(self, params):
        block = self.chain.by_hash.get(_hash(params[0]))
        return None if block is None else block.block_json(bool(params[1:] and params[1]))

    def _pending_block(self):
        head = self.chain.head
        fields = json.loads(head.block_json(False))
        fields.update(
            number=hex(head.number + 1),
            parentHash=text(head.hash),
            timestamp=hex(max(head.header.timestamp + 1, int(time.time()))),
            hash=None,
            nonce=None,
            miner=None,
            logsBloom=None,
            gasUsed="0x0",
            transactions=[text(transaction.hash) for transaction in self.pending],
        )
        return fields

    def rpc_eth_getBlockReceipts(self, params):
        selector = params[0]
        if isinstance(selector, dict) and "blockHash" in selector:
            selector = selector["blockHash"]
        if isinstance(selector, str) and len(selector) == 66:
            block = self.chain.by_hash.get(_hash(selector))
        else:
            block = self._numbered(selector)
        if block is None:
            return None
        return b"[" + b",".join([block.receipt_json(index) for index in range(len(block.receipts))]) + b"]"

    def rpc_eth_getBlockTransactionCountByNumber(self, params):
        block = self._numbered(params[0])
        return None if block is None else hex(len(block.transactions))

    def rpc_eth_getLogs(self, params):
        query = params[0]
        log_filter = LogFilter(_addresses(query.get("address")), _topics(query.get("topics")))
        if query.get("blockHash") is not None:
            if query.get("fromBlock") is not None or query.get("toBlock") is not None:
                raise RPCError(INVALID_PARAMS, "cannot specify both blockHash and fromBlock/toBlock")
            block = self.chain.by_hash.get(_hash(query["blockHash"]))
            if block is None:
                raise RPCError(SERVER_ERROR, "unknown block")
            return log_filter.select([block]).json()
        first, last = self._range(query)
        selection = log_filter.select(self.chain.loud_blocks(first, last), self.results_max)
        if selection.stopped_at is not None:
            end = max(first, selection.stopped_at - 1)
            raise RPCError(
                INVALID_PARAMS,
                f"query exceeds max results {self.results_max}, retry with the range {first}-{end}",
            )
        return selection.json()

    def _range(self, query: dict) -> tuple[int, int]:
        head = self.chain.head.number

        def number(selector) -> int:
            if selector is None or selector in ("latest", "pending", "earliest", "safe", "finalized"):
                return self._numbered(selector or "latest").number
            return _quantity(selector)

        first = number(query.get("fromBlock"))
        last = number(query.get("toBlock"))
        if first > last:
            raise RPCError(INVALID_PARAMS, "invalid block range params")
        if last > head:
            raise RPCError(INVALID_PARAMS, "block range extends beyond current head block")
        if self.range_max is not None and last - first >= self.range_max:
            raise RPCError(-32005, f"block range too large, range: {last - first + 1}, max: {self.range_max}")
        return first, last

    # -------------------------------------------------------- transactions

    def rpc_eth_getTransactionByHash(self, params):
        place = self.chain.places.get(_hash(params[0]))
        return None if place is None else place.block.transaction_fields(place.index)

    def rpc_eth_getTransactionReceipt(self, params):
        place = self.chain.places.get(_hash(params[0]))
        return None if place is None else place.block.receipt_json(place.index)

    def rpc_eth_getTransactionCount(self, params):
        address = _address(params[0])
        selector = params[1] if params[1:] else "latest"
        count = self.chain.state_at(self._selected(selector)).get_nonce(address)
        if selector == "pending":
            count += sum(transaction.sender == address for transaction in self.pending)
        return hex(count)

    async def rpc_eth_sendTransaction(self, params):
        async with self.chain.writing:
            transaction = self._signed(params[0], {})
            return await self._submit(transaction)

    async def rpc_eth_sendRawTransaction(self, params):
        transaction = transactions.decode(_data(params[0]), self.chain.settings.chain_id)
        async with self.chain.writing:
            if transaction.hash in self.chain.places:
                raise RPCError(SERVER_ERROR, "already known")
            expected = self._next_nonce(transaction.sender, {})
            if transaction.nonce != expected:
                direction = "low" if transaction.nonce < expected else "high"
                raise RPCError(
                    SERVER_ERROR, f"nonce too {direction}: next nonce {expected}, tx nonce {transaction.nonce}"
                )
            return await self._submit(transaction)

    async def _submit(self, transaction: Transaction):
        transaction.validate()
        if self.block_time is None:
            _, dropped = await self.chain.append([transaction])
            if dropped:
                raise RPCError(SERVER_ERROR, dropped[0].reason)
        else:
            self.pending.append(transaction)
        return text(transaction.hash)

    def _next_nonce(self, sender: bytes, nonces: dict[bytes, int]) -> int:
        nonce = nonces.get(sender)
        if nonce is None:
            nonce = self.chain.state_at(self.chain.head).get_nonce(sender)
            nonce += sum(transaction.sender == sender for transaction in self.pending)
        return nonce

    def _signed(self, fields: dict, nonces: dict[bytes, int]) -> Transaction:
        """Signs for one of our accounts. `nonces` carries the next nonces through a batch."""
        sender = _address(fields["from"]) if fields.get("from") else self.accounts[0]
        key = self.keys.get(sender)
        if key is None:
            raise RPCError(SERVER_ERROR, "unknown account")
        nonce = self._next_nonce(sender, nonces)
        nonces[sender] = nonce + 1
        base_fee = self.chain.head.header.base_fee
        price = _optional_quantity(fields, "gasPrice")
        priority = None
        if price is None:
            priority = _optional_quantity(fields, "maxPriorityFeePerGas")
            if priority is None:
                priority = PRIORITY_FEE
            price = _optional_quantity(fields, "maxFeePerGas") or 2 * base_fee + priority
        chosen_nonce = _optional_quantity(fields, "nonce")
        return transactions.sign(
            key,
            sender,
            chain_id=self.chain.settings.chain_id,
            nonce=nonce if chosen_nonce is None else chosen_nonce,
            max_fee_per_gas=price,
            max_priority_fee_per_gas=priority,
            gas=_optional_quantity(fields, "gas") or TRANSACTION_GAS,
            to=_address(fields["to"]) if fields.get("to") else b"",
            value=_optional_quantity(fields, "value") or 0,
            data=_data(fields.get("data") or fields.get("input") or "0x"),
        )

    # --------------------------------------------------------------- state

    def rpc_eth_getCode(self, params):
        return text(self.chain.state_at(self._selected_at(params, 1)).get_code(_address(params[0])))

    def rpc_eth_getBalance(self, params):
        return hex(self.chain.state_at(self._selected_at(params, 1)).get_balance(_address(params[0])))

    def rpc_eth_getStorageAt(self, params):
        state = self.chain.state_at(self._selected_at(params, 2))
        return f"0x{state.get_storage(_address(params[0]), int(params[1], 16)):064x}"

    def _selected_at(self, params: list, index: int) -> Block:
        return self._selected(params[index] if len(params) > index else "latest")

    def rpc_eth_call(self, params):
        computation = self._called(params, CALL_GAS)
        if computation.is_error:
            raise _execution_error(computation)
        return text(computation.output)

    def _called(self, params: list, gas: int):
        fields = params[0]
        return self.chain.call(
            self._selected_at(params, 1),
            _address(fields["from"]) if fields.get("from") else bytes(20),
            _address(fields["to"]) if fields.get("to") else b"",
            _data(fields.get("data") or fields.get("input") or "0x"),
            _optional_quantity(fields, "value") or 0,
            min(_optional_quantity(fields, "gas") or gas, CALL_GAS),
        )

    def rpc_eth_estimateGas(self, params):
        """The least gas, to within a hundredth, with which the transaction succeeds."""
        fields = params[0]
        data = _data(fields.get("data") or fields.get("input") or "0x")
        zeros = data.count(0)
        intrinsic = 21000 + 4 * zeros + 16 * (len(data) - zeros) + (0 if fields.get("to") else 32000)
        floor = 21000 + 10 * (zeros + 4 * (len(data) - zeros))
        computation = self._called(params, CALL_GAS)
        if computation.is_error:
            raise _execution_error(computation)
        low = computation.get_gas_used()
        high = CALL_GAS
        if not self._called([{**fields, "gas": hex(low)}, *params[1:]], low).is_error:
            high = low
        while high - low > high // 100:
            middle = min((low + high) // 2, low * 2)
            if self._called([{**fields, "gas": hex(middle)}, *params[1:]], middle).is_error:
                low = middle
            else:
                high = middle
        return hex(max(intrinsic + high, floor))

    # --------------------------------------------------------- development

    async def rpc_dev_mine(self, params):
        """Makes `blocks` blocks; the first takes the waiting transactions."""
        count = _count(params, "blocks", 1, MINED_MAX)
        async with self.chain.writing:
            for _ in range(count):
                await self._mine()
        return _mention(self.chain.head)

    async def _mine(self) -> Block:
        waiting, self.pending = self.pending, []
        block, _ = await self.chain.append(waiting)
        return block

    async def rpc_dev_batch(self, params):
        """Executes transactions of our accounts, `perBlock` to a block, all in one block by default."""
        options = params[0]
        bodies = options["transactions"]
        if len(bodies) > BATCH_MAX:
            raise RPCError(INVALID_PARAMS, f"more than {BATCH_MAX} transactions")
        size = int(options.get("perBlock") or len(bodies) or 1)
        blocks = []
        failed = []
        hashes = []
        receipts = []
        async with self.chain.writing:
            if self.pending:
                blocks.append(_mention(await self._mine()))
            nonces: dict[bytes, int] = {}
            for start in range(0, len(bodies), size):
                signed = []
                for fields in bodies[start : start + size]:
                    signed.append(self._signed(fields, nonces))
                    if len(signed) % 64 == 0:
                        await asyncio.sleep(0)
                for transaction in signed:
                    transaction.validate()
                block, dropped = await self.chain.append(signed)
                if dropped:
                    raise RPCError(SERVER_ERROR, dropped[0].reason)
                blocks.append(_mention(block))
                for index, transaction in enumerate(signed):
                    hashes.append(text(transaction.hash))
                    if not block.receipts[index].succeeded:
                        failed.append(len(hashes) - 1)
                    if options.get("receipts"):
                        receipts.append(json.loads(block.receipt_json(index)))
        answer = {"blocks": blocks, "hashes": hashes, "failed": failed}
        if options.get("receipts"):
            answer["receipts"] = receipts
        return answer

    async def rpc_dev_reorg(self, params):
        """Replaces the top `depth` blocks, by one more block unless `blocks` says how many.

        `keep`, true by default, includes the orphaned transactions again: all of them, or a list of hashes. `drop`
        leaves out all or a list. `place` says where they go: `shift`, one block later than before; `same`, at the same
        height; `last`, all in the last new block.
        """
        options = params[0]
        depth = int(options["depth"])
        head = self.chain.head.number
        if not 1 <= depth <= head:
            raise RPCError(INVALID_PARAMS, f"depth must be between 1 and {head}")
        count = int(options.get("blocks") or depth + 1)
        if count < 1:
            raise RPCError(INVALID_PARAMS, "at least one new block is needed")
        place = options.get("place", "shift")
        if place not in ("shift", "same", "last"):
            raise RPCError(INVALID_PARAMS, "place must be shift, same or last")
        is_kept = _keeper(options)
        async with self.chain.writing:
            depth = min(depth, self.chain.head.number)
            orphans = self.chain.blocks[-depth:]
            bodies: list[list[Transaction]] = [[] for _ in range(count)]
            left_out = []
            for offset, block in enumerate(orphans):
                target = {"shift": offset + 1, "same": offset, "last": count - 1}[place]
                for transaction in block.transactions:
                    if is_kept(transaction):
                        bodies[min(target, count - 1)].append(transaction)
                    else:
                        left_out.append(text(transaction.hash))
            fresh, dropped = await self.chain.reorganise(depth, bodies)
        return {
            "orphaned": [_mention(block) for block in orphans],
            "blocks": [_mention(block) for block in fresh],
            "kept": [text(transaction.hash) for block in fresh for transaction in block.transactions],
            "dropped": left_out + [text(drop.transaction.hash) for drop in dropped],
        }

    async def rpc_evm_snapshot(self, params):
        self._snapshots.append(self.chain.head)
        return hex(len(self._snapshots))

    async def rpc_evm_revert(self, params):
        """Rewinds to a snapshot, unless its block was orphaned since. Later snapshots are gone."""
        index = _quantity(params[0]) - 1
        async with self.chain.writing:
            if not 0 <= index < len(self._snapshots):
                return False
            block = self._snapshots[index]
            del self._snapshots[index:]
            if self.chain.by_hash.get(block.hash) is not block:
                return False
            self.chain.rewind(block.number)
            self.pending = []
        return True

    async def rpc_evm_mine(self, params):
        async with self.chain.writing:
            await self._mine()
        return "0x0"

    async def make_blocks(self) -> None:
        """Makes a block every `block_time` seconds, for ever."""
        due = time.monotonic()
        while True:
            due = max(due + self.block_time, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            async with self.chain.writing:
                await self._mine()


def _keeper(options: dict):
    """Decides which orphaned transactions return, from the options `keep` and `drop`."""
    keep = options.get("keep", True)
    drop = options.get("drop", False)
    if isinstance(keep, list):
        kept = {_hash(item) for item in keep}
        return lambda transaction: transaction.hash in kept
    if isinstance(drop, list):
        dropped = {_hash(item) for item in drop}
        return lambda transaction: transaction.hash not in dropped
    return lambda transaction: bool(keep) and not drop


def _mention(block: Block) -> dict:
    return {"number": hex(block.number), "hash": text(block.hash)}


def _failure(identifier, error: RPCError) -> bytes:
    body = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return json.dumps({"jsonrpc": "2.0", "id": identifier, "error": body}, separators=(",", ":")).encode()


def _execution_error(computation) -> RPCError:
    output = computation.output
    if isinstance(computation.error, Revert):
        message = "execution reverted"
        if output[:4] == keccak(b"Error(string)")[:4] and len(output) >= 68:
            size = int.from_bytes(output[36:68], "big")
            message += f": {output[68 : 68 + size].decode(errors='replace')}"
        return RPCError(EXECUTION_REVERTED, message, text(output))
    if isinstance(computation.error, OutOfGas):
        return RPCError(SERVER_ERROR, "out of gas")
    return RPCError(SERVER_ERROR, f"{type(computation.error).__name__}: {computation.error}")


def _quantity(value) -> int:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError("a quantity is a hexadecimal string")
    if isinstance(value, int):
        return value
    if not value.startswith("0x"):
        raise ValueError("hex string without 0x prefix")
    if len(value) == 2:
        raise ValueError('hex string "0x"')
    if len(value) > 3 and value[2] == "0":
        raise ValueError("hex number with leading zero digits")
    if len(value) > 66:
        raise ValueError("hex number > 256 bits")
    return int(value[2:], 16)


def _optional_quantity(fields: dict, name: str) -> int | None:
    return None if fields.get(name) is None else _quantity(fields[name])


def _count(params: list, name: str, default: int, maximum: int) -> int:
    value = params[0] if params else default
    if isinstance(value, dict):
        value = value.get(name, default)
    count = _quantity(value)
    if not 1 <= count <= maximum:
        raise RPCError(INVALID_PARAMS, f"{name} must be between 1 and {maximum}")
    return count


def _data(value) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("hex string without 0x prefix")
    return bytes.fromhex(value[2:])


def _hash(value) -> bytes:
    data = _data(value)
    if len(data) != 32:
        raise ValueError(f"hex string has length {2 * len(data)}, want 64 for common.Hash")
    return data


def _address(value) -> bytes:
    data = _data(value)
    if len(data) != 20:
        raise ValueError(f"hex string has length {2 * len(data)}, want 40 for common.Address")
    return data


def _addresses(value) -> frozenset[bytes] | None:
    """The wanted addresses, `None` for any. An empty list is any, as in geth."""
    if value is None:
        return None
    values = [value] if isinstance(value, str) else value
    return frozenset(_address(item) for item in values) or None


def _topics(value) -> list[frozenset[bytes] | None]:
    """The wanted topics by position, `None` for any."""
    positions = []
    for item in value or []:
        options = [item] if item is None or isinstance(item, str) else item
        if not options or None in options:
            positions.append(None)
        else:
            positions.append(frozenset(_hash(option) for option in options))
    if len(positions) > 4:
        raise RPCError(INVALID_PARAMS, "exceed max topics")
    return positions
