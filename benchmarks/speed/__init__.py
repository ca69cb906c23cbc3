"""What a request, a creation, a wait and the import cost, against upstream's client and others."""
