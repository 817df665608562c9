"""A process that uses an embedded server and prints its URL: `python -m tests.storage.holder postgres|nats HOME`."""

import signal
import sys
from pathlib import Path

from storage import embedded

if __name__ == "__main__":
    home = Path(sys.argv[2])
    with embedded.postgres(home) if sys.argv[1] == "postgres" else embedded.nats(home, "127.0.0.1:0") as lease:
        print(lease.url, flush=True)
        signal.pause()
