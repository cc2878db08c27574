#!/usr/bin/env python3
"""Entry point of the operators' commands."""

import os
import sys
from importlib import import_module

# These write the secrets that the settings need, so they run before the settings are loaded.
EARLY = {"secrets", "up"}


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")
    if len(sys.argv) > 1 and sys.argv[1] in EARLY:
        import_module(f"otestack.management.commands.{sys.argv[1]}").Command().run_from_argv(sys.argv)
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
