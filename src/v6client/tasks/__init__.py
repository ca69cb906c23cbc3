"""What makes a federated task dependable: creation, polling, waiting."""
