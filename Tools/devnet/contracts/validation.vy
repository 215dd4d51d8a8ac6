# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title ERC-8004 validation registry for the development chain
@notice Emits the events of version 2.0.0. Lists are bounded because Vyper bounds them.
"""

interface IdentityRegistry:
    def isAuthorizedOrOwner(spender: address, agentID: uint256) -> bool: view

struct Validation:
    validator: address
    agentID: uint256
    response: uint8
    responseHash: bytes32
    tag: String[1024]
    updatedAt: uint256
    answered: bool

event ValidationRequest:
    validatorAddress: indexed(address)
    agentId: indexed(uint256)
    requestURI: String[8192]
    requestHash: indexed(bytes32)

event ValidationResponse:
    validatorAddress: indexed(address)
    agentId: indexed(uint256)
    requestHash: indexed(bytes32)
    response: uint8
    responseURI: String[8192]
    responseHash: bytes32
    tag: String[1024]

owner: public(address)
identity: immutable(IdentityRegistry)
validations: HashMap[bytes32, Validation]
agentRequests: HashMap[uint256, DynArray[bytes32, 65536]]
validatorRequests: HashMap[address, DynArray[bytes32, 65536]]


@deploy
def __init__(identityRegistry: address):
    self.owner = msg.sender
    identity = IdentityRegistry(identityRegistry)


@external
def validationRequest(
    validatorAddress: address, agentID: uint256, requestURI: String[8192], requestHash: bytes32
):
    assert validatorAddress != empty(address), "bad validator"
    assert self.validations[requestHash].validator == empty(address), "exists"
    assert staticcall identity.isAuthorizedOrOwner(msg.sender, agentID), "Not authorized"
    self.validations[requestHash].validator = validatorAddress
    self.validations[requestHash].agentID = agentID
    self.validations[requestHash].updatedAt = block.timestamp
    self.agentRequests[agentID].append(requestHash)
    self.validatorRequests[validatorAddress].append(requestHash)
    log ValidationRequest(
        validatorAddress=validatorAddress,
        agentId=agentID,
        requestURI=requestURI,
        requestHash=requestHash,
    )


@external
def validationResponse(
    requestHash: bytes32, response: uint8, responseURI: String[8192], responseHash: bytes32, tag: String[1024]
):
    """
    @notice May be called again for the same request: a validator reports progress that way.
    """
    validator: address = self.validations[requestHash].validator
    assert validator != empty(address), "unknown"
    assert validator == msg.sender, "not validator"
    assert response <= 100, "resp>100"
    self.validations[requestHash].response = response
    self.validations[requestHash].responseHash = responseHash
    self.validations[requestHash].tag = tag
    self.validations[requestHash].updatedAt = block.timestamp
    self.validations[requestHash].answered = True
    log ValidationResponse(
        validatorAddress=validator,
        agentId=self.validations[requestHash].agentID,
        requestHash=requestHash,
        response=response,
        responseURI=responseURI,
        responseHash=responseHash,
        tag=tag,
    )


@external
@view
def getIdentityRegistry() -> address:
    return identity.address


@external
@view
def getValidationStatus(requestHash: bytes32) -> (address, uint256, uint8, bytes32, String[1024], uint256):
    assert self.validations[requestHash].validator != empty(address), "unknown"
    validation: Validation = self.validations[requestHash]
    return (
        validation.validator,
        validation.agentID,
        validation.response,
        validation.responseHash,
        validation.tag,
        validation.updatedAt,
    )


@external
@view
def getSummary(
    agentID: uint256, validatorAddresses: DynArray[address, 1024], tag: String[1024]
) -> (uint64, uint8):
    """
    @return Number of answered requests that count and the mean of their responses.
    """
    count: uint256 = 0
    total: uint256 = 0
    requests: uint256 = len(self.agentRequests[agentID])
    for i: uint256 in range(requests, bound=65536):
        requestHash: bytes32 = self.agentRequests[agentID][i]
        if not self.validations[requestHash].answered:
            continue
        if len(validatorAddresses) > 0 and not self.validations[requestHash].validator in validatorAddresses:
            continue
        if len(tag) > 0 and keccak256(tag) != keccak256(self.validations[requestHash].tag):
            continue
        total += convert(self.validations[requestHash].response, uint256)
        count += 1
    if count == 0:
        return 0, 0
    return convert(count, uint64), convert(total // count, uint8)


@external
@view
def getAgentValidations(agentID: uint256) -> DynArray[bytes32, 65536]:
    return self.agentRequests[agentID]


@external
@view
def getValidatorRequests(validatorAddress: address) -> DynArray[bytes32, 65536]:
    return self.validatorRequests[validatorAddress]


@external
@pure
def getVersion() -> String[8]:
    return "2.0.0"
