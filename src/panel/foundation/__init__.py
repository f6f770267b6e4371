"""What every room may use: errors, text, settings, paths, files. Knows no word of panel's own."""
