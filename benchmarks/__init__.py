"""The performance harness: every figure beside an anchor measured in the same run."""
