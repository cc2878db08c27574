"""Businesses, the tenants."""
