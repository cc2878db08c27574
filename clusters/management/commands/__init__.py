"""Commands of manage.py for the fleet."""
