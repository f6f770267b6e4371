"""Price, licence and last release, read from the evidence with their passages."""
