"""Verdicts held against what became of the tools: the report, and what later runs quote of it."""
