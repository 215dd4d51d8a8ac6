"""Functions and events of the ERC-8004 registries, version 2, for callers and for reading logs.

Written down from the standard rather than taken from the compiled contracts, so the two check each other.
"""

from typing import NamedTuple

from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode
from eth_hash.auto import keccak

IDENTITY = {
    "register": "register()",
    "register_uri": "register(string)",
    "register_metadata": "register(string,(string,bytes)[])",
    "set_uri": "setAgentURI(uint256,string)",
    "set_metadata": "setMetadata(uint256,string,bytes)",
    "set_wallet": "setAgentWallet(uint256,address,uint256,bytes)",
    "unset_wallet": "unsetAgentWallet(uint256)",
    "transfer": "transferFrom(address,address,uint256)",
    "safe_transfer": "safeTransferFrom(address,address,uint256)",
    "owner_of": "ownerOf(uint256)",
}
REPUTATION = {
    "give_feedback": "giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)",
    "revoke_feedback": "revokeFeedback(uint256,uint64)",
    "append_response": "appendResponse(uint256,address,uint64,string,bytes32)",
    "last_index": "getLastIndex(uint256,address)",
}
VALIDATION = {
    "request": "validationRequest(address,uint256,string,bytes32)",
    "respond": "validationResponse(bytes32,uint8,string,bytes32,string)",
}
BULK = {"repeat": "repeat(address,bytes,uint256)", "sweep": "sweep(address,bytes,uint256,uint256)"}


def selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


def call_data(signature: str, *arguments) -> bytes:
    types = _split(signature[signature.index("(") + 1 : -1])
    return selector(signature) + abi_encode(types, arguments)


def _split(types: str) -> list[str]:
    """Splits a type list at its outermost commas."""
    parts, depth, current = [], 0, ""
    for character in types:
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
            continue
        depth += (character == "(") - (character == ")")
        current += character
    return [*parts, current] if current else parts


class Parameter(NamedTuple):
    type: str
    name: str
    is_indexed: bool


class Event(NamedTuple):
    name: str
    parameters: tuple[Parameter, ...]

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(parameter.type for parameter in self.parameters)})"

    @property
    def topic(self) -> bytes:
        return keccak(self.signature.encode())

    def decode(self, topics: list[bytes], data: bytes) -> dict:
        """Arguments by name. An indexed string is the Keccak of the string."""
        indexed = [parameter for parameter in self.parameters if parameter.is_indexed]
        plain = [parameter for parameter in self.parameters if not parameter.is_indexed]
        if len(topics) != 1 + len(indexed):
            raise ValueError(f"{self.name} has {1 + len(indexed)} topics, the log {len(topics)}")
        values = {}
        for parameter, topic in zip(indexed, topics[1:]):
            values[parameter.name] = topic if parameter.type == "string" else abi_decode([parameter.type], topic)[0]
        values.update(zip((parameter.name for parameter in plain), abi_decode([p.type for p in plain], data)))
        return {parameter.name: values[parameter.name] for parameter in self.parameters}


def _event(declaration: str) -> Event:
    name, _, rest = declaration.partition("(")
    parameters = []
    for parameter in filter(None, rest.rstrip(")").split(", ")):
        type_name, parameter_name = parameter.split(" ")
        parameters.append(Parameter(type_name.rstrip("*"), parameter_name, type_name.endswith("*")))
    return Event(name, tuple(parameters))


# `*` marks an indexed parameter.
EVENTS = [
    _event(declaration)
    for declaration in (
        "Registered(uint256* agentId, string agentURI, address* owner)",
        "MetadataSet(uint256* agentId, string* indexedMetadataKey, string metadataKey, bytes metadataValue)",
        "URIUpdated(uint256* agentId, string newURI, address* updatedBy)",
        "Transfer(address* from, address* to, uint256* tokenId)",
        "Approval(address* owner, address* approved, uint256* tokenId)",
        "ApprovalForAll(address* owner, address* operator, bool approved)",
        "MetadataUpdate(uint256 tokenId)",
        "NewFeedback(uint256* agentId, address* clientAddress, uint64 feedbackIndex, int128 value, "
        "uint8 valueDecimals, string* indexedTag1, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash)",
        "FeedbackRevoked(uint256* agentId, address* clientAddress, uint64* feedbackIndex)",
        "ResponseAppended(uint256* agentId, address* clientAddress, uint64 feedbackIndex, address* responder, "
        "string responseURI, bytes32 responseHash)",
        "ValidationRequest(address* validatorAddress, uint256* agentId, string requestURI, bytes32* requestHash)",
        "ValidationResponse(address* validatorAddress, uint256* agentId, bytes32* requestHash, uint8 response, "
        "string responseURI, bytes32 responseHash, string tag)",
    )
]
BY_TOPIC = {event.topic: event for event in EVENTS}
BY_NAME = {event.name: event for event in EVENTS}

# Errors with a selector of their own; the others are texts.
ERRORS = (
    "ERC721NonexistentToken(uint256)",
    "ERC721InvalidOwner(address)",
    "ERC721IncorrectOwner(address,uint256,address)",
    "ERC721InsufficientApproval(address,uint256)",
    "ERC721InvalidReceiver(address)",
    "ERC721InvalidApprover(address)",
    "ERC721InvalidOperator(address)",
)
_ERRORS_BY_SELECTOR = {selector(signature): signature for signature in ERRORS}


def described_error(data: bytes) -> str | None:
    """The registries' error that a revert carries, as `Name(arguments)`."""
    signature = _ERRORS_BY_SELECTOR.get(data[:4])
    if signature is None:
        return None
    name, _, types = signature.partition("(")
    values = abi_decode(_split(types.rstrip(")")), data[4:])
    return f"{name}({', '.join(map(str, values))})"
