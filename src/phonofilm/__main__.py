"""`python -m phonofilm` is the command `phonofilm`."""

from phonofilm.cli.main import main

main()
