"""Forecasts over all runs: those that were made, what became of them, how good they were."""
