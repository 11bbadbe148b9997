"""The audit log: its chains in the store, signed roots and their anchor, exports, and the verifier."""
