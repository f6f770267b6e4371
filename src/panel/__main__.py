"""`python -m panel` is the `panel` command."""

from panel.cli.main import main

main()
