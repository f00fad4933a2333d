"""Runs the conformance cases against a client's driver."""
