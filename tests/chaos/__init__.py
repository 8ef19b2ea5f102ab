"""Faults, injected: real processes, a real Redis, a proxy between them, and a ledger beside."""
