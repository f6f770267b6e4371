"""The two ways of asking, stepwise and in one call."""
