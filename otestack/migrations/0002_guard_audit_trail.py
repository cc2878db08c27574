from django.db import migrations

from otestack.trail import guard


def close(apps, schema_editor):
    guard.close(schema_editor.connection)


def open_up(apps, schema_editor):
    guard.open_up(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("otestack", "0001_audit_trail")]

    operations = [migrations.RunPython(close, open_up)]
