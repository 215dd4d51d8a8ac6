"""Recursive length prefix, the encoding of transactions, receipts, headers and trie nodes."""


def encode(item) -> bytes:
    """Encodes bytes, a non-negative integer (big endian, no leading zeros) or a sequence of these."""
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, bytes):
        size = len(item)
        if size == 1 and item[0] < 0x80:
            return item
        if size < 56:
            return bytes((0x80 + size,)) + item
        return _long_prefix(0xB7, size) + item
    return encode_list([encode(element) for element in item])


def encode_list(encoded: list[bytes]) -> bytes:
    """Wraps elements that are encoded already."""
    payload = b"".join(encoded)
    size = len(payload)
    if size < 56:
        return bytes((0xC0 + size,)) + payload
    return _long_prefix(0xF7, size) + payload


def _long_prefix(offset: int, size: int) -> bytes:
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((offset + len(length),)) + length


def decode(data: bytes):
    """Decodes one item, bytes or a list of items.

    Raises ValueError for anything a canonical encoder would not have written.
    """
    item, end = _decode_at(data, 0)
    if end != len(data):
        raise ValueError("bytes left over after the item")
    return item


def _decode_at(data: bytes, position: int):
    if position >= len(data):
        raise ValueError("truncated")
    lead = data[position]
    if lead < 0x80:
        return data[position : position + 1], position + 1
    is_list = lead >= 0xC0
    offset = 0xC0 if is_list else 0x80
    start = position + 1
    if lead - offset < 56:
        size = lead - offset
    else:
        width = lead - offset - 55
        length = data[start : start + width]
        if len(length) != width or length[0] == 0:
            raise ValueError("malformed length")
        size = int.from_bytes(length, "big")
        if size < 56:
            raise ValueError("length is not minimal")
        start += width
    end = start + size
    if end > len(data):
        raise ValueError("truncated")
    if not is_list:
        item = data[start:end]
        if size == 1 and item[0] < 0x80:
            raise ValueError("byte is not minimal")
        return item, end
    items = []
    while start < end:
        item, start = _decode_at(data, start)
        items.append(item)
    if start != end:
        raise ValueError("element crosses the end of its list")
    return items, end


def decode_integer(item: bytes) -> int:
    """Reads an integer field; leading zeros are refused."""
    if not isinstance(item, bytes) or item[:1] == b"\x00":
        raise ValueError("not an integer")
    return int.from_bytes(item, "big")
