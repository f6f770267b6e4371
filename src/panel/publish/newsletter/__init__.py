"""The weekly edition: written from the archive, mailed to those who confirmed."""
