# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Repeats one call many times in one transaction
@notice Produces load: the registries see this contract as the sender, so it owns the agents it registers.
"""


@external
def repeat(target: address, data: Bytes[32768], times: uint256):
    """
    @notice Calls `target` with `data`, again and again. Any failure reverts the whole.
    """
    for _: uint256 in range(times, bound=65536):
        raw_call(target, data)


@external
def sweep(target: address, data: Bytes[32768], first: uint256, times: uint256):
    """
    @notice As `repeat`, with the first argument of the call, a word, counting up from `first`.
    """
    head: Bytes[4] = slice(data, 0, 4)
    rest: Bytes[32768] = slice(data, 36, len(data) - 36)
    for i: uint256 in range(times, bound=65536):
        raw_call(target, concat(head, convert(first + i, bytes32), rest))


@external
@pure
def onERC721Received(operator: address, sender: address, tokenId: uint256, data: Bytes[1024]) -> bytes4:
    return method_id("onERC721Received(address,address,uint256,bytes)", output_type=bytes4)
