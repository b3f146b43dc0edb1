"""The Merkle tree against the text of RFC 6962, and proofs that fail when anything in them is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.journal import tree
from tests.journal import naive

SIZES = st.integers(min_value=1, max_value=130)


def grow(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    """The nodes as the sealer writes them, one leaf after the other."""
    nodes: dict[tuple[int, int], bytes] = {}
    for seq, leaf in enumerate(leaves):
        nodes[0, seq] = tree.hash_leaf(leaf)
        for level, position, value in tree.completed(seq, nodes[0, seq], lambda lv, p: nodes[lv, p]):
            nodes[level, position] = value
    return nodes


LEAVES = [b"leaf %d" % n for n in range(130)]
NODES = grow(LEAVES)


def read(level: int, position: int) -> bytes:
    return NODES[level, position]


def test_the_known_answers_of_the_certificate_transparency_test_vectors() -> None:
    data = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
    data.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
    nodes = grow(data)
    roots = [tree.root(n, lambda lv, p: nodes[lv, p]).hex() for n in (0, 1, 2, 3, 8)]
    assert roots == [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]


@pytest.mark.parametrize("size", range(70))
def test_roots_equal_the_definition(size: int) -> None:
    assert tree.root(size, read) == naive.mth(LEAVES[:size])


@given(size=SIZES, data=st.data())
def test_inclusion_proofs_equal_the_definition_and_verify(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion(index, size, read)
    assert path == naive.path(index, LEAVES[:size])
    root = naive.mth(LEAVES[:size])
    leaf = tree.hash_leaf(LEAVES[index])
    assert tree.included(leaf, index, size, path, root)
    assert not tree.included(tree.hash_leaf(b"other"), index, size, path, root)
    assert not tree.included(leaf, index, size, [*path, b"\0" * 32], root)
    if size > 1:
        assert not tree.included(leaf, (index + 1) % size, size, path, root)
        assert not tree.included(leaf, index, size, path[1:], root)


@given(new=SIZES, data=st.data())
def test_consistency_proofs_equal_the_definition_and_verify(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = tree.consistency(old, new, read)
    assert proof == naive.proof(old, LEAVES[:new])
    old_root, new_root = naive.mth(LEAVES[:old]), naive.mth(LEAVES[:new])
    assert tree.consistent(old, new, old_root, new_root, proof)
    forged = naive.mth([*LEAVES[: old - 1], b"forged"])
    assert not tree.consistent(old, new, forged, new_root, proof)
    assert not tree.consistent(old, new, old_root, forged, proof)
    if proof:
        assert not tree.consistent(old, new, old_root, new_root, proof[:-1])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_inclusion_proof_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError):
        tree.inclusion(index, size, read)
    assert not tree.included(b"", index, size, [], b"")


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_no_consistency_proof_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(ValueError):
        tree.consistency(old, new, read)
    assert not tree.consistent(old, new, b"", b"", [])
