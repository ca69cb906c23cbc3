"""The sandbox: real processes, real sockets."""
