"""The command line: parses options, calls the package, prints. Nothing heavy is imported before a command needs it."""
