"""`python -m robustmel` and the `robustmel` command."""

from robustmel.cli.entry import main

if __name__ == "__main__":
    main()
