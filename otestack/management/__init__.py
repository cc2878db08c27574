"""Operators' commands of the whole product."""
