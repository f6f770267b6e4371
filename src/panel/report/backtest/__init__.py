"""What a backtest found, as text and as a page."""
