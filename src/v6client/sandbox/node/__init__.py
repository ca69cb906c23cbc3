"""One node of the sandbox: the proxy that algorithms talk to, and the runner that starts them."""
