"""Merkle Patricia tries whose nodes are shared between versions.

A trie is its root node, `None` when empty. Updates copy the path they touch and leave every older root intact, so the
state of each block stays readable and a reorganisation only picks another root. Nodes encode themselves once.
"""

from eth_hash.auto import keccak

from . import rlp

EMPTY_ROOT = keccak(b"\x80")

_DIGITS = b"0123456789abcdef"
_FROM_DIGITS = bytes.maketrans(_DIGITS, bytes(range(16)))
_TO_DIGITS = bytes.maketrans(bytes(range(16)), _DIGITS)


def nibbles(key: bytes) -> bytes:
    """The path of a key: one byte, 0 to 15, for each half of its bytes."""
    return key.hex().encode().translate(_FROM_DIGITS)


def _compact(path: bytes, is_leaf: bool) -> bytes:
    flag = 2 if is_leaf else 0
    padded = bytes((flag + 1,)) + path if len(path) % 2 else bytes((flag, 0)) + path
    return bytes.fromhex(padded.translate(_TO_DIGITS).decode())


class Leaf:
    __slots__ = ("path", "value", "_reference")

    def __init__(self, path, value):
        self.path = path
        self.value = value
        self._reference = None

    def encoded(self) -> bytes:
        return rlp.encode_list([rlp.encode(_compact(self.path, True)), rlp.encode(self.value)])


class Extension:
    __slots__ = ("path", "child", "_reference")

    def __init__(self, path, child):
        self.path = path
        self.child = child
        self._reference = None

    def encoded(self) -> bytes:
        return rlp.encode_list([rlp.encode(_compact(self.path, False)), reference(self.child)])


class Branch:
    __slots__ = ("children", "value", "_reference")

    def __init__(self, children, value=b""):
        self.children = children
        self.value = value
        self._reference = None

    def encoded(self) -> bytes:
        parts = [b"\x80" if child is None else child._reference or reference(child) for child in self.children]
        parts.append(rlp.encode(self.value))
        return rlp.encode_list(parts)


def reference(node) -> bytes:
    """How a parent mentions this node: its encoding when shorter than a hash, else the hash."""
    known = node._reference
    if known is None:
        encoded = node.encoded()
        known = encoded if len(encoded) < 32 else b"\xa0" + keccak(encoded)
        node._reference = known
    return known


def root_hash(node) -> bytes:
    if node is None:
        return EMPTY_ROOT
    known = reference(node)
    return known[1:] if len(known) == 33 else keccak(known)


def get(node, path: bytes):
    """The value at `path`, or `None`."""
    position = 0
    while node is not None:
        kind = type(node)
        if kind is Branch:
            if position == len(path):
                return node.value or None
            node = node.children[path[position]]
            position += 1
        elif kind is Leaf:
            return node.value if node.path == path[position:] else None
        else:
            end = position + len(node.path)
            if path[position:end] != node.path:
                return None
            position = end
            node = node.child
    return None


def update(node, changes: list[tuple[bytes, bytes | None]], depth: int = 0):
    """The trie after `changes`, pairs of path and value; `None` deletes.

    Paths are distinct and sorted, so each shared node is copied once for all the changes below it.
    """
    if not changes:
        return node
    if node is None:
        return _build([change for change in changes if change[1] is not None], depth)
    kind = type(node)
    if kind is Leaf:
        path = changes[0][0][:depth] + node.path
        if len(changes) == 1 and changes[0][0] == path:
            value = changes[0][1]
            return None if value is None else Leaf(node.path, value)
        merged = {path: node.value}
        merged.update(changes)
        return _build(sorted((key, value) for key, value in merged.items() if value is not None), depth)
    if kind is Extension:
        end = depth + len(node.path)
        shared = len(node.path)
        for path, _ in (changes[0], changes[-1]):
            shared = min(shared, _common(node.path, path[depth:end]))
        if shared == len(node.path):
            return _extended(node.path, update(node.child, changes, end))
        # The changes leave the extension inside its path: split it there and go on below the split.
        rest = node.path[shared + 1 :]
        children = [None] * 16
        children[node.path[shared]] = Extension(rest, node.child) if rest else node.child
        below = update(Branch(children), changes, depth + shared)
        return _extended(node.path[:shared], below)
    children = list(node.children)
    value = node.value
    start = 0
    count = len(changes)
    while start < count:
        path, changed = changes[start]
        if len(path) == depth:
            value = changed or b""
            start += 1
            continue
        nibble = path[depth]
        stop = start + 1
        while stop < count and changes[stop][0][depth] == nibble:
            stop += 1
        children[nibble] = update(children[nibble], changes[start:stop], depth + 1)
        start = stop
    return _collapsed(children, value)


def _build(pairs, depth: int):
    if not pairs:
        return None
    first = pairs[0][0]
    if len(pairs) == 1:
        return Leaf(first[depth:], pairs[0][1])
    shared = _common(first[depth:], pairs[-1][0][depth:])
    if shared:
        return Extension(first[depth : depth + shared], _build(pairs, depth + shared))
    children = [None] * 16
    value = b""
    start = 0
    while start < len(pairs):
        path = pairs[start][0]
        if len(path) == depth:
            value = pairs[start][1]
            start += 1
            continue
        stop = start + 1
        while stop < len(pairs) and pairs[stop][0][depth] == path[depth]:
            stop += 1
        children[path[depth]] = _build(pairs[start:stop], depth + 1)
        start = stop
    return Branch(children, value)


def _collapsed(children, value):
    """A branch, or what it degenerates to when fewer than two of its places are taken."""
    taken = [nibble for nibble in range(16) if children[nibble] is not None]
    if len(taken) > 1 or (taken and value):
        return Branch(children, value)
    if not taken:
        return Leaf(b"", value) if value else None
    return _extended(bytes((taken[0],)), children[taken[0]])


def _extended(path, node):
    if node is None or not path:
        return node
    if type(node) is Leaf:
        return Leaf(path + node.path, node.value)
    if type(node) is Extension:
        return Extension(path + node.path, node.child)
    return Extension(path, node)


def _common(left, right) -> int:
    size = min(len(left), len(right))
    for position in range(size):
        if left[position] != right[position]:
            return position
    return size


def list_root(items: list[bytes]) -> bytes:
    """Root of the trie that maps each index to its item, as for transactions and receipts."""
    pairs = sorted((nibbles(rlp.encode(index)), item) for index, item in enumerate(items))
    return root_hash(_build(pairs, 0))
