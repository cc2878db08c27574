"""What Kubernetes refuses: names and fields of a new object, immutable fields of a changed one."""

from .create import check_new
from .names import check_metadata
from .update import check_change

__all__ = ["check_change", "check_metadata", "check_new"]
