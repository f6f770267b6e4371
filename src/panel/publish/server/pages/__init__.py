"""The live pages, a module each."""
