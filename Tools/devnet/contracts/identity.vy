# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title ERC-8004 identity registry for the development chain
@notice Emits the events of version 2.0.0 in the order the deployed registries do. Without proxy, upgrade and
        enumeration; strings are bounded because Vyper bounds them.
"""

struct MetadataEntry:
    metadataKey: String[256]
    metadataValue: Bytes[8192]

interface Receiver:
    def onERC721Received(operator: address, sender: address, tokenId: uint256, data: Bytes[4096]) -> bytes4: nonpayable

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    tokenId: indexed(uint256)

event Approval:
    owner: indexed(address)
    approved: indexed(address)
    tokenId: indexed(uint256)

event ApprovalForAll:
    owner: indexed(address)
    operator: indexed(address)
    approved: bool

event MetadataUpdate:
    tokenId: uint256

event Registered:
    agentId: indexed(uint256)
    agentURI: String[8192]
    owner: indexed(address)

event MetadataSet:
    agentId: indexed(uint256)
    indexedMetadataKey: indexed(String[256])
    metadataKey: String[256]
    metadataValue: Bytes[8192]

event URIUpdated:
    agentId: indexed(uint256)
    newURI: String[8192]
    updatedBy: indexed(address)

WALLET_KEY: constant(bytes32) = keccak256("agentWallet")
DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
WALLET_TYPE: constant(bytes32) = keccak256(
    "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)"
)
DEADLINE_MAX: constant(uint256) = 300
SIGNATURE_S_MAX: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

owner: public(address)
nextID: uint256
owners: HashMap[uint256, address]
balances: HashMap[address, uint256]
approvals: HashMap[uint256, address]
operators: HashMap[address, HashMap[address, bool]]
uris: HashMap[uint256, String[8192]]
wallets: HashMap[uint256, address]
metadata: HashMap[uint256, HashMap[bytes32, Bytes[8192]]]


@deploy
def __init__():
    self.owner = msg.sender


# ---------------------------------------------------------------- registration


@external
def register(agentURI: String[8192] = "", metadata: DynArray[MetadataEntry, 8] = []) -> uint256:
    agentID: uint256 = self.nextID
    self.nextID = agentID + 1
    self.owners[agentID] = msg.sender
    self.balances[msg.sender] += 1
    self.wallets[agentID] = msg.sender
    log Transfer(sender=empty(address), receiver=msg.sender, tokenId=agentID)
    if msg.sender.is_contract:
        self._check_receiver(empty(address), msg.sender, agentID, b"")
    # `register()` leaves the URI untouched; the other two overloads set it, even to nothing.
    if convert(slice(msg.data, 0, 4), bytes4) != method_id("register()", output_type=bytes4):
        self.uris[agentID] = agentURI
        log MetadataUpdate(tokenId=agentID)
    log Registered(agentId=agentID, agentURI=agentURI, owner=msg.sender)
    self._log_wallet(agentID, msg.sender)
    for entry: MetadataEntry in metadata:
        self._set_metadata(agentID, entry.metadataKey, entry.metadataValue)
    return agentID


@external
def setAgentURI(agentID: uint256, newURI: String[8192]):
    self._require_authorized(agentID)
    self.uris[agentID] = newURI
    log MetadataUpdate(tokenId=agentID)
    log URIUpdated(agentId=agentID, newURI=newURI, updatedBy=msg.sender)


@external
def setMetadata(agentID: uint256, metadataKey: String[256], metadataValue: Bytes[8192]):
    self._require_authorized(agentID)
    self._set_metadata(agentID, metadataKey, metadataValue)


@external
@view
def getMetadata(agentID: uint256, metadataKey: String[256]) -> Bytes[8192]:
    key: bytes32 = keccak256(metadataKey)
    if key == WALLET_KEY:
        return self._wallet_bytes(self.wallets[agentID])
    return self.metadata[agentID][key]


@internal
def _set_metadata(agentID: uint256, metadataKey: String[256], metadataValue: Bytes[8192]):
    key: bytes32 = keccak256(metadataKey)
    assert key != WALLET_KEY, "reserved key"
    self.metadata[agentID][key] = metadataValue
    log MetadataSet(
        agentId=agentID,
        indexedMetadataKey=metadataKey,
        metadataKey=metadataKey,
        metadataValue=metadataValue,
    )


# --------------------------------------------------------------------- wallets


@external
def setAgentWallet(agentID: uint256, newWallet: address, deadline: uint256, signature: Bytes[4096]):
    self._require_authorized(agentID)
    assert newWallet != empty(address), "bad wallet"
    assert block.timestamp <= deadline, "expired"
    assert deadline <= block.timestamp + DEADLINE_MAX, "deadline too far"
    message: bytes32 = keccak256(
        abi_encode(WALLET_TYPE, agentID, newWallet, self.owners[agentID], deadline)
    )
    digest: bytes32 = keccak256(concat(b"\x19\x01", self._domain_separator(), message))
    if not self._recovers(newWallet, digest, signature):
        assert self._accepts(newWallet, digest, signature), "invalid wallet sig"
    self.wallets[agentID] = newWallet
    self._log_wallet(agentID, newWallet)


@external
def unsetAgentWallet(agentID: uint256):
    self._require_authorized(agentID)
    self.wallets[agentID] = empty(address)
    self._log_wallet(agentID, empty(address))


@external
@view
def getAgentWallet(agentID: uint256) -> address:
    return self.wallets[agentID]


@internal
@view
def _domain_separator() -> bytes32:
    return keccak256(
        abi_encode(DOMAIN_TYPE, keccak256("ERC8004IdentityRegistry"), keccak256("1"), chain.id, self)
    )


@internal
@view
def _recovers(signer: address, digest: bytes32, signature: Bytes[4096]) -> bool:
    if len(signature) != 65:
        return False
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if s > SIGNATURE_S_MAX:
        return False
    return ecrecover(digest, v, r, s) == signer


@internal
@view
def _accepts(signer: address, digest: bytes32, signature: Bytes[4096]) -> bool:
    if not signer.is_contract:
        return False
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        signer,
        abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 32:
        return False
    return convert(answer, bytes32) == 0x1626ba7e00000000000000000000000000000000000000000000000000000000


@internal
@pure
def _wallet_bytes(wallet: address) -> Bytes[20]:
    if wallet == empty(address):
        return b""
    return slice(convert(wallet, bytes32), 12, 20)


@internal
def _log_wallet(agentID: uint256, wallet: address):
    log MetadataSet(
        agentId=agentID,
        indexedMetadataKey="agentWallet",
        metadataKey="agentWallet",
        metadataValue=self._wallet_bytes(wallet),
    )


# --------------------------------------------------------------------- ERC-721


@external
@view
def ownerOf(tokenID: uint256) -> address:
    return self._require_owned(tokenID)


@external
@view
def balanceOf(account: address) -> uint256:
    if account == empty(address):
        raw_revert(abi_encode(account, method_id=method_id("ERC721InvalidOwner(address)")))
    return self.balances[account]


@external
@view
def tokenURI(tokenID: uint256) -> String[8192]:
    self._require_owned(tokenID)
    return self.uris[tokenID]


@external
@view
def getApproved(tokenID: uint256) -> address:
    self._require_owned(tokenID)
    return self.approvals[tokenID]


@external
@view
def isApprovedForAll(account: address, operator: address) -> bool:
    return self.operators[account][operator]


@external
@view
def isAuthorizedOrOwner(spender: address, agentID: uint256) -> bool:
    return self._is_authorized(self._require_owned(agentID), spender, agentID)


@external
def approve(approved: address, tokenID: uint256):
    holder: address = self._require_owned(tokenID)
    if msg.sender != holder and not self.operators[holder][msg.sender]:
        raw_revert(abi_encode(msg.sender, method_id=method_id("ERC721InvalidApprover(address)")))
    self.approvals[tokenID] = approved
    log Approval(owner=holder, approved=approved, tokenId=tokenID)


@external
def setApprovalForAll(operator: address, approved: bool):
    if operator == empty(address):
        raw_revert(abi_encode(operator, method_id=method_id("ERC721InvalidOperator(address)")))
    self.operators[msg.sender][operator] = approved
    log ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@external
def transferFrom(sender: address, receiver: address, tokenID: uint256):
    self._transfer(sender, receiver, tokenID)


@external
def safeTransferFrom(sender: address, receiver: address, tokenID: uint256, data: Bytes[4096] = b""):
    self._transfer(sender, receiver, tokenID)
    if receiver.is_contract:
        self._check_receiver(sender, receiver, tokenID, data)


@internal
def _transfer(sender: address, receiver: address, tokenID: uint256):
    if receiver == empty(address):
        raw_revert(abi_encode(receiver, method_id=method_id("ERC721InvalidReceiver(address)")))
    holder: address = self._require_owned(tokenID)
    if not self._is_authorized(holder, msg.sender, tokenID):
        raw_revert(
            abi_encode(msg.sender, tokenID, method_id=method_id("ERC721InsufficientApproval(address,uint256)"))
        )
    if holder != sender:
        raw_revert(
            abi_encode(sender, tokenID, holder, method_id=method_id("ERC721IncorrectOwner(address,uint256,address)"))
        )
    # The wallet proved itself to the former owner only; the reset precedes the Transfer.
    self.wallets[tokenID] = empty(address)
    self._log_wallet(tokenID, empty(address))
    self.approvals[tokenID] = empty(address)
    self.balances[sender] -= 1
    self.balances[receiver] += 1
    self.owners[tokenID] = receiver
    log Transfer(sender=sender, receiver=receiver, tokenId=tokenID)


@internal
def _check_receiver(sender: address, receiver: address, tokenID: uint256, data: Bytes[4096]):
    answer: bytes4 = extcall Receiver(receiver).onERC721Received(msg.sender, sender, tokenID, data)
    if answer != method_id("onERC721Received(address,address,uint256,bytes)", output_type=bytes4):
        raw_revert(abi_encode(receiver, method_id=method_id("ERC721InvalidReceiver(address)")))


@internal
@view
def _require_owned(tokenID: uint256) -> address:
    holder: address = self.owners[tokenID]
    if holder == empty(address):
        raw_revert(abi_encode(tokenID, method_id=method_id("ERC721NonexistentToken(uint256)")))
    return holder


@internal
@view
def _is_authorized(holder: address, spender: address, tokenID: uint256) -> bool:
    return spender == holder or self.operators[holder][spender] or self.approvals[tokenID] == spender


@internal
@view
def _require_authorized(agentID: uint256):
    assert self._is_authorized(self._require_owned(agentID), msg.sender, agentID), "Not authorized"


# --------------------------------------------------------------------- about


@external
@pure
def supportsInterface(interfaceID: bytes4) -> bool:
    return interfaceID in [0x01ffc9a7, 0x80ac58cd, 0x5b5e139f, 0x49064906]


@external
@pure
def name() -> String[16]:
    return "AgentIdentity"


@external
@pure
def symbol() -> String[8]:
    return "AGENT"


@external
@pure
def getVersion() -> String[8]:
    return "2.0.0"
