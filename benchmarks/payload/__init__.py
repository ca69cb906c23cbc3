"""What a large result costs: seconds, CPU and memory, against upstream's client."""
