"""`python -m bonded`: the same as the command `bonded`, where its folder is not on the path."""

from bonded.cli import main

if __name__ == "__main__":
    main()
