"""Signed transactions: legacy, access list (type 1) and dynamic fee (type 2)."""

from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from . import rlp

HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2


class TransactionError(ValueError):
    """Why a transaction was refused before it ran."""


def address_of(key: PrivateKey) -> bytes:
    return _address(key.public_key)


def _address(key: PublicKey) -> bytes:
    return keccak(key.format(compressed=False)[1:])[12:]


class Transaction:
    """One signed transaction, with the members that py-evm's executor reads.

    `raw` is the canonical encoding and `hash` its Keccak. `sender` was recovered from the signature, or is known
    because this process signed.
    """

    __slots__ = (
        "type",
        "chain_id",
        "nonce",
        "max_priority_fee_per_gas",
        "max_fee_per_gas",
        "gas",
        "to",
        "value",
        "data",
        "access_list",
        "v",
        "r",
        "s",
        "sender",
        "raw",
        "hash",
        "intrinsic_gas",
    )

    # What py-evm's executor calls these things.
    @property
    def type_id(self):
        return self.type or None

    @property
    def gas_price(self) -> int:
        return self.max_fee_per_gas

    @property
    def y_parity(self) -> int:
        return self.v if self.type or self.v < 27 else (self.v - 35) % 2 if self.v >= 35 else self.v - 27

    def __repr__(self) -> str:
        return f"<Transaction 0x{self.hash.hex()}>"

    def validate(self) -> None:
        if self.gas < self.intrinsic_gas:
            raise TransactionError(f"intrinsic gas too low: gas {self.gas}, minimum needed {self.intrinsic_gas}")

    def effective_gas_price(self, base_fee: int) -> int:
        return min(self.max_fee_per_gas, base_fee + self.max_priority_fee_per_gas)


def _intrinsic_gas(transaction: Transaction) -> int:
    data = transaction.data
    zeros = data.count(0)
    gas = 21000 + zeros * 4 + (len(data) - zeros) * 16
    if not transaction.to:
        gas += 32000
    for _, keys in transaction.access_list:
        gas += 2400 + 1900 * len(keys)
    return gas


def _finished(transaction: Transaction, raw: bytes, sender: bytes) -> Transaction:
    transaction.raw = raw
    transaction.hash = keccak(raw)
    transaction.sender = sender
    transaction.intrinsic_gas = _intrinsic_gas(transaction)
    return transaction


def sign(
    key: PrivateKey,
    sender: bytes,
    *,
    chain_id: int,
    nonce: int,
    max_fee_per_gas: int,
    gas: int,
    to: bytes,
    value: int = 0,
    data: bytes = b"",
    max_priority_fee_per_gas: int | None = None,
) -> Transaction:
    """Signs a dynamic fee transaction or, without a priority fee, a legacy one. `to` is empty for a creation."""
    transaction = Transaction()
    transaction.type = 0 if max_priority_fee_per_gas is None else 2
    transaction.chain_id = chain_id
    transaction.nonce = nonce
    transaction.max_fee_per_gas = max_fee_per_gas
    transaction.gas = gas
    transaction.to = to
    transaction.value = value
    transaction.data = data
    transaction.access_list = ()
    if transaction.type == 0:
        transaction.max_priority_fee_per_gas = max_fee_per_gas
        fields = [rlp.encode(item) for item in (nonce, max_fee_per_gas, gas, to, value, data)]
        prefix = b""
        unsigned = [*fields, rlp.encode(chain_id), b"\x80", b"\x80"]
    else:
        transaction.max_priority_fee_per_gas = max_priority_fee_per_gas
        fields = [
            rlp.encode(item)
            for item in (chain_id, nonce, max_priority_fee_per_gas, max_fee_per_gas, gas, to, value, data, ())
        ]
        prefix = b"\x02"
        unsigned = fields
    signature = key.sign_recoverable(keccak(prefix + rlp.encode_list(unsigned)), hasher=None)
    parity = signature[64]
    transaction.v = parity if transaction.type else parity + 35 + 2 * chain_id
    transaction.r = int.from_bytes(signature[:32], "big")
    transaction.s = int.from_bytes(signature[32:64], "big")
    proof = [rlp.encode(item) for item in (transaction.v, transaction.r, transaction.s)]
    return _finished(transaction, prefix + rlp.encode_list(fields + proof), sender)


def decode(raw: bytes, chain_id: int) -> Transaction:
    """Decodes a signed transaction for this chain and recovers its sender."""
    try:
        return _decode(raw, chain_id)
    except TransactionError:
        raise
    except (ValueError, TypeError, IndexError) as error:
        raise TransactionError(f"rlp: {error}") from error


def _decode(raw: bytes, chain_id: int) -> Transaction:
    if not raw:
        raise TransactionError("typed transaction too short")
    transaction = Transaction()
    number = rlp.decode_integer
    if raw[0] >= 0xC0:
        transaction.type = 0
        fields = rlp.decode(raw)
        nonce, price, gas, to, value, data, v, r, s = fields
        transaction.max_fee_per_gas = transaction.max_priority_fee_per_gas = number(price)
        transaction.v = number(v)
        access_list = []
        if transaction.v in (27, 28):
            transaction.chain_id = None
            unsigned = fields[:6]
        else:
            transaction.chain_id = (transaction.v - 35) // 2
            unsigned = [*fields[:6], transaction.chain_id, b"", b""]
        prefix = b""
    elif raw[0] == 1:
        transaction.type = 1
        fields = rlp.decode(raw[1:])
        chain, nonce, price, gas, to, value, data, access_list, v, r, s = fields
        transaction.max_fee_per_gas = transaction.max_priority_fee_per_gas = number(price)
    elif raw[0] == 2:
        transaction.type = 2
        fields = rlp.decode(raw[1:])
        chain, nonce, priority, price, gas, to, value, data, access_list, v, r, s = fields
        transaction.max_fee_per_gas = number(price)
        transaction.max_priority_fee_per_gas = number(priority)
        if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
            raise TransactionError("max priority fee per gas higher than max fee per gas")
    else:
        raise TransactionError("transaction type not supported")
    if transaction.type:
        transaction.chain_id = number(chain)
        transaction.v = number(v)
        if transaction.v > 1:
            raise TransactionError("invalid signature")
        unsigned = fields[:-3]
        prefix = raw[:1]
    if transaction.chain_id is not None and transaction.chain_id != chain_id:
        raise TransactionError(f"invalid chain id for signer: have {transaction.chain_id} want {chain_id}")
    transaction.nonce = number(nonce)
    transaction.gas = number(gas)
    transaction.value = number(value)
    if len(to) not in (0, 20):
        raise TransactionError("invalid recipient")
    transaction.to = to
    transaction.data = data
    transaction.access_list = tuple(
        (address, tuple(int.from_bytes(key, "big") for key in keys)) for address, keys in access_list
    )
    transaction.r = number(r)
    transaction.s = number(s)
    if not 0 < transaction.s <= HALF_ORDER:
        raise TransactionError("invalid signature")
    digest = keccak(prefix + rlp.encode(unsigned))
    signature = transaction.r.to_bytes(32, "big") + transaction.s.to_bytes(32, "big") + bytes((transaction.y_parity,))
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as error:
        raise TransactionError("invalid signature") from error
    return _finished(transaction, raw, _address(key))
