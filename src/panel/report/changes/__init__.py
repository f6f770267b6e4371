"""What changed between runs, and how far runs agree."""
