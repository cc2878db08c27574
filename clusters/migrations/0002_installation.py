"""The installation's one row."""

import uuid

from django.db import migrations


def create(apps, schema_editor):
    apps.get_model("clusters", "Installation").objects.get_or_create(pk=1, defaults={"centre": uuid.uuid4()})


class Migration(migrations.Migration):
    dependencies = [("clusters", "0001_initial")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
