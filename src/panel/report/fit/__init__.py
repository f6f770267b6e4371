"""Fits of weights and curves on a backtest, in several formats."""
