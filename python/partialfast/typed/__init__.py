"""Typed snapshots: pydantic's core schema to a plan, partial classes, the state and its loops."""
