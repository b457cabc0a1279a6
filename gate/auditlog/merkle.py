"""The Merkle tree of RFC 6962 §2.1 (SHA-256): hashing, growing, proving, verifying.

- A leaf is SHA-256(0x00 || entry), a node SHA-256(0x01 || left || right), the empty tree SHA-256("").
- A tree splits at the largest power of two below its size; an odd node is never paired with itself.
- Verifiers are the loops of RFC 9162 §2.1.3.2 and §2.1.4.2, and refuse besides: hashes that are not 32 bytes, and
  consistency from the empty tree, which would prove nothing.
- ``Peaks`` is what an append needs: the roots of the perfect subtrees of the tree so far, left to right.

No storage: proofs are built over a ``NodeReader``; ``gate.auditlog.tiles`` makes one of stored tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gate.domain.errors import InputError, VerificationError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_TREE = 2**63 - 1
TILE_HEIGHT = 8

NodeReader = Callable[[int, int], bytes]
"""``(height, index)`` to the root of the perfect subtree over leaves ``[index << height, (index + 1) << height)``."""


def hash_leaf(entry: bytes) -> bytes:
    """RFC 6962 leaf hash of the entry's bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """RFC 6962 interior hash."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedTile:
    """A tile of 256 hashes that an append filled: ``n``-th at ``level``, and the root over its hashes."""

    level: int
    n: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Peaks:
    """A tree of ``size`` leaves as the roots of its perfect subtrees, largest first (a compact range)."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_TREE or len(self.hashes) != self.size.bit_count():
            raise InputError(f"{len(self.hashes)} peaks do not make a tree of {self.size} leaves.", field="peaks")

    @classmethod
    def from_bytes(cls, size: int, raw: bytes) -> Peaks:
        """The reverse of ``to_bytes``. Raises ``InputError`` when number and size do not fit."""
        if len(raw) % HASH_SIZE:
            raise InputError("Peaks are whole 32-byte hashes.", field="peaks")
        return cls(size, tuple(raw[at : at + HASH_SIZE] for at in range(0, len(raw), HASH_SIZE)))

    def to_bytes(self) -> bytes:
        """The hashes one after the other, at most 63 of 32 bytes."""
        return b"".join(self.hashes)

    @property
    def root(self) -> bytes:
        """The tree's root hash."""
        return fold_right(self.hashes)

    def extend(self, leaves: Iterable[bytes]) -> tuple[Peaks, tuple[CompletedTile, ...]]:
        """The tree with these leaf hashes appended, and the tiles that became full, in order of completion."""
        size, stack, tiles = self.size, list(self.hashes), []
        for leaf in leaves:
            node, height, size = leaf, 0, size + 1
            # A one bit gained by carrying is two equal subtrees that become one.
            while not size >> height & 1:
                node = hash_node(stack.pop(), node)
                height += 1
                if height % TILE_HEIGHT == 0:
                    tiles.append(CompletedTile(level=height // TILE_HEIGHT - 1, n=(size >> height) - 1, root=node))
            stack.append(node)
        return Peaks(size, tuple(stack)), tuple(tiles)


def fold_right(hashes: Sequence[bytes]) -> bytes:
    """One root from the roots of adjacent perfect subtrees, largest first."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = hash_node(left, root)
    return root


def build_root(read: NodeReader, start: int, end: int) -> bytes:
    """The root over leaves ``[start, end)``, where ``start`` is where such a subtree of the tree begins."""
    hashes = []
    while start < end:
        height = (end - start).bit_length() - 1
        hashes.append(read(height, start >> height))
        start += 1 << height
    return fold_right(hashes)


def build_inclusion(read: NodeReader, index: int, size: int) -> tuple[bytes, ...]:
    """The audit path of leaf ``index`` in the tree of ``size`` leaves (RFC 9162 §2.1.3.1), leaf's sibling first."""
    if not 0 <= index < size:
        raise InputError(f"There is no entry {index} in a tree of {size}.", field="index")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return tuple(build_root(read, *span) for span in reversed(path))


def build_consistency(read: NodeReader, old: int, new: int) -> tuple[bytes, ...]:
    """The proof that the tree of ``new`` leaves extends that of ``old`` (RFC 9162 §2.1.4.1)."""
    if not 0 < old <= new:
        raise InputError(f"A proof from {old} to {new} leaves proves nothing.", field="size")
    start, end, path = 0, new, []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:  # The old tree is not itself a node of the new one: its last subtree is given.
        path.append((start, end))
    return tuple(build_root(read, *span) for span in reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ``VerificationError`` unless ``proof`` puts ``leaf`` at ``index`` of the tree (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size <= MAX_TREE:
        raise VerificationError(f"There is no entry {index} in a tree of {size}.", code="bad-proof")
    _check_hashes((leaf, root, *proof), size)
    node, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise VerificationError("The inclusion proof is too long.", code="bad-proof")
        if node & 1 or node == last:
            current = hash_node(sibling, current)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            current = hash_node(current, sibling)
        node, last = node >> 1, last >> 1
    if last or current != root:
        raise VerificationError(f"Entry {index} is not in the tree of {size} with this root.", code="bad-proof")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ``VerificationError`` unless the new tree begins with the old one (RFC 9162 §2.1.4.2)."""
    if not 0 < old <= new <= MAX_TREE:
        raise VerificationError(f"No proof leads from {old} to {new} leaves.", code="bad-proof")
    _check_hashes((old_root, new_root, *proof), new)
    if old == new:
        if proof or old_root != new_root:
            raise VerificationError(f"Two trees of {old} leaves have different roots.", code="bad-proof")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise VerificationError("The consistency proof is empty.", code="bad-proof")
    if _climb(old, new, path) != (old_root, new_root):
        raise VerificationError(f"The tree of {new} does not extend the tree of {old}.", code="bad-proof")


def _climb(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The two roots that a consistency path leads to: steps 3 to 7 of RFC 9162 §2.1.4.2."""
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_root = new_root = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise VerificationError("The consistency proof is too long.", code="bad-proof")
        if node & 1 or node == last:
            old_root, new_root = hash_node(sibling, old_root), hash_node(sibling, new_root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_root = hash_node(new_root, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise VerificationError("The consistency proof is too short.", code="bad-proof")
    return old_root, new_root


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_hashes(hashes: Sequence[bytes], size: int) -> None:
    """Length first, before anything is hashed: no honest proof is longer than the tree is deep, plus one."""
    if any(len(item) != HASH_SIZE for item in hashes) or len(hashes) > size.bit_length() + 3:
        raise VerificationError("A proof is made of 32-byte hashes, no more than the tree is deep.", code="bad-proof")
