"""All verdicts of a runs folder, as the histories of tools."""
