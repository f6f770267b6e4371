"""Reviews: personas, prompts, strategies, calibration, citations and the verdict."""
