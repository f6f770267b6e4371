"""What changed between two runs, in every format."""
