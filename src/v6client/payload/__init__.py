"""What travels inside a request: JSON in base64."""
