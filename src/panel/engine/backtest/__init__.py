"""A backtest: tools whose fate is known, reviewed as they stood before it."""
