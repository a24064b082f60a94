"""`python -m somabus` is `somabus`."""

from somabus.cli import main

if __name__ == "__main__":
    main()
