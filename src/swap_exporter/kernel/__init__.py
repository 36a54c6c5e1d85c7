"""One module per kernel file: bytes in, a small frozen value out. No policy."""
