"""From findings to verdict: pure code, no I/O."""
