"""The built-in business that system administrators belong to."""

from django.conf import settings
from django.db import migrations


def create(apps, schema_editor):
    business = apps.get_model("business", "Business")
    business.objects.using(schema_editor.connection.alias).get_or_create(
        is_system=True,
        defaults={
            "name": "system",
            "introduce": "The business of the system administrators.",
            "objective": "Operating the platform.",
            "scale": "unlimited",
            "status": 1,
            "namespace": settings.OTE_SYSTEM_NAMESPACE,
        },
    )


class Migration(migrations.Migration):
    dependencies = [("business", "0001_initial")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
