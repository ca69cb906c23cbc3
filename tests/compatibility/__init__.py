"""Whether v6client and vantage6's own tools fit into one environment."""
