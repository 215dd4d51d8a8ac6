# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title ERC-8004 reputation registry for the development chain
@notice Emits the events of version 2.0.0. Lists are bounded because Vyper bounds them.
"""

interface IdentityRegistry:
    def isAuthorizedOrOwner(spender: address, agentID: uint256) -> bool: view

struct Feedback:
    value: int128
    valueDecimals: uint8
    revoked: bool
    tag1: String[1024]
    tag2: String[1024]

event NewFeedback:
    agentId: indexed(uint256)
    clientAddress: indexed(address)
    feedbackIndex: uint64
    value: int128
    valueDecimals: uint8
    indexedTag1: indexed(String[1024])
    tag1: String[1024]
    tag2: String[1024]
    endpoint: String[2048]
    feedbackURI: String[8192]
    feedbackHash: bytes32

event FeedbackRevoked:
    agentId: indexed(uint256)
    clientAddress: indexed(address)
    feedbackIndex: indexed(uint64)

event ResponseAppended:
    agentId: indexed(uint256)
    clientAddress: indexed(address)
    feedbackIndex: uint64
    responder: indexed(address)
    responseURI: String[8192]
    responseHash: bytes32

VALUE_MAX: constant(int128) = 10**38
DECIMALS_MAX: constant(uint8) = 18

owner: public(address)
identity: immutable(IdentityRegistry)
lastIndexes: HashMap[uint256, HashMap[address, uint64]]
feedbacks: HashMap[uint256, HashMap[address, HashMap[uint64, Feedback]]]
clients: HashMap[uint256, DynArray[address, 65536]]
responses: HashMap[uint256, HashMap[address, HashMap[uint64, HashMap[address, uint64]]]]


@deploy
def __init__(identityRegistry: address):
    self.owner = msg.sender
    identity = IdentityRegistry(identityRegistry)


@external
def giveFeedback(
    agentID: uint256,
    feedbackValue: int128,
    valueDecimals: uint8,
    tag1: String[1024],
    tag2: String[1024],
    endpoint: String[2048],
    feedbackURI: String[8192],
    feedbackHash: bytes32,
):
    assert valueDecimals <= DECIMALS_MAX, "too many decimals"
    assert feedbackValue <= VALUE_MAX and feedbackValue >= -VALUE_MAX, "value too large"
    # Reverts with the identity registry's own error when the agent does not exist.
    assert not staticcall identity.isAuthorizedOrOwner(msg.sender, agentID), "Self-feedback not allowed"
    index: uint64 = self.lastIndexes[agentID][msg.sender] + 1
    if index == 1:
        self.clients[agentID].append(msg.sender)
    self.lastIndexes[agentID][msg.sender] = index
    self.feedbacks[agentID][msg.sender][index].value = feedbackValue
    self.feedbacks[agentID][msg.sender][index].valueDecimals = valueDecimals
    self.feedbacks[agentID][msg.sender][index].tag1 = tag1
    self.feedbacks[agentID][msg.sender][index].tag2 = tag2
    log NewFeedback(
        agentId=agentID,
        clientAddress=msg.sender,
        feedbackIndex=index,
        value=feedbackValue,
        valueDecimals=valueDecimals,
        indexedTag1=tag1,
        tag1=tag1,
        tag2=tag2,
        endpoint=endpoint,
        feedbackURI=feedbackURI,
        feedbackHash=feedbackHash,
    )


@external
def revokeFeedback(agentID: uint256, feedbackIndex: uint64):
    self._require_feedback(agentID, msg.sender, feedbackIndex)
    assert not self.feedbacks[agentID][msg.sender][feedbackIndex].revoked, "Already revoked"
    self.feedbacks[agentID][msg.sender][feedbackIndex].revoked = True
    log FeedbackRevoked(agentId=agentID, clientAddress=msg.sender, feedbackIndex=feedbackIndex)


@external
def appendResponse(
    agentID: uint256,
    clientAddress: address,
    feedbackIndex: uint64,
    responseURI: String[8192],
    responseHash: bytes32,
):
    assert len(responseURI) > 0, "Empty URI"
    self._require_feedback(agentID, clientAddress, feedbackIndex)
    self.responses[agentID][clientAddress][feedbackIndex][msg.sender] += 1
    log ResponseAppended(
        agentId=agentID,
        clientAddress=clientAddress,
        feedbackIndex=feedbackIndex,
        responder=msg.sender,
        responseURI=responseURI,
        responseHash=responseHash,
    )


@external
@view
def getIdentityRegistry() -> address:
    return identity.address


@external
@view
def getLastIndex(agentID: uint256, clientAddress: address) -> uint64:
    return self.lastIndexes[agentID][clientAddress]


@external
@view
def getClients(agentID: uint256) -> DynArray[address, 65536]:
    return self.clients[agentID]


@external
@view
def readFeedback(
    agentID: uint256, clientAddress: address, feedbackIndex: uint64
) -> (int128, uint8, String[1024], String[1024], bool):
    self._require_feedback(agentID, clientAddress, feedbackIndex)
    feedback: Feedback = self.feedbacks[agentID][clientAddress][feedbackIndex]
    return feedback.value, feedback.valueDecimals, feedback.tag1, feedback.tag2, feedback.revoked


@external
@view
def getSummary(
    agentID: uint256, clientAddresses: DynArray[address, 1024], tag1: String[1024], tag2: String[1024]
) -> (uint64, int128, uint8):
    """
    @return Number of feedbacks that count, their mean, and the decimals most of them were given in.
    """
    assert len(clientAddresses) > 0, "clientAddresses required"
    count: uint64 = 0
    total: int256 = 0
    uses: uint64[19] = empty(uint64[19])
    for client: address in clientAddresses:
        last: uint64 = self.lastIndexes[agentID][client]
        for i: uint64 in range(last, bound=65536):
            index: uint64 = i + 1
            if self.feedbacks[agentID][client][index].revoked:
                continue
            if len(tag1) > 0 and keccak256(tag1) != keccak256(self.feedbacks[agentID][client][index].tag1):
                continue
            if len(tag2) > 0 and keccak256(tag2) != keccak256(self.feedbacks[agentID][client][index].tag2):
                continue
            decimals: uint8 = self.feedbacks[agentID][client][index].valueDecimals
            amount: int256 = convert(self.feedbacks[agentID][client][index].value, int256)
            total += amount * self._power(DECIMALS_MAX - decimals)
            uses[decimals] += 1
            count += 1
    if count == 0:
        return 0, 0, 0
    mode: uint8 = 0
    for i: uint8 in range(19):
        if uses[i] > uses[mode]:
            mode = i
    mean: int256 = total // convert(count, int256) // self._power(DECIMALS_MAX - mode)
    return count, convert(mean, int128), mode


@external
@view
def getResponseCount(
    agentID: uint256, clientAddress: address, feedbackIndex: uint64, responders: DynArray[address, 1024]
) -> uint64:
    """
    @notice Counts the responses of the given responders to one feedback; the wildcards of the deployed
            registry are not implemented.
    """
    count: uint64 = 0
    for responder: address in responders:
        count += self.responses[agentID][clientAddress][feedbackIndex][responder]
    return count


@internal
@view
def _require_feedback(agentID: uint256, clientAddress: address, feedbackIndex: uint64):
    assert feedbackIndex > 0, "index must be > 0"
    assert feedbackIndex <= self.lastIndexes[agentID][clientAddress], "index out of bounds"


@internal
@pure
def _power(exponent: uint8) -> int256:
    power: int256 = 1
    for _: uint8 in range(exponent, bound=18):
        power *= 10
    return power


@external
@pure
def getVersion() -> String[8]:
    return "2.0.0"
