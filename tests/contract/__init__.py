"""One contract, two networks: the sandbox and the real vantage6."""
