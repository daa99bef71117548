"""`python -m otel_llmops.cli`, where the script is not on the path."""

import sys

from otel_llmops.cli import main

if __name__ == "__main__":
    sys.exit(main())
