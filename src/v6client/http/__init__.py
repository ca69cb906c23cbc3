"""What goes over the wire: endpoints, transport, outcomes, retries, pages."""
