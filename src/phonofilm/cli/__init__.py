"""The command line: the only code that parses arguments and prints."""
