"""``python -m codesign.cli``."""

from codesign.cli.app import main

main()
