"""`python -m phonofilm` is the command `phonofilm`."""

from phonofilm.cli import main

main()
