"""The audit trail: what services write of every change, in the change's own transaction.

writing  one call per change; many rows of it are one insert
reading  filters, and the export as CSV or JSON
guard    the triggers that keep what was written
"""

from otestack.trail.writing import change, changed, created, deleted, entry, gone, noted, of, write

__all__ = ["change", "changed", "created", "deleted", "entry", "gone", "noted", "of", "write"]
