"""Verifying a stored run: everything on its scorecards recomputed from its journal."""
