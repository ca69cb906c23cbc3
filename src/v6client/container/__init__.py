"""Inside an algorithm container: its identity, its environment, its entry."""
