"""An app of the tests only: what empties the tables between tests must get past the audit trail's triggers."""
