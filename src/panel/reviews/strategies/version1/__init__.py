"""How panel 0.1 asked: kept so that its stored runs can be verified, and used for nothing new."""
