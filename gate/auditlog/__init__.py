"""The tamper-evident log as arithmetic: entries, Merkle tree, tiles, checkpoints, proofs, the checker. Pure, no I/O."""
