"""``python -m dynascope.cli`` is the ``dynascope`` command."""

from .main import main

if __name__ == "__main__":
    main()
