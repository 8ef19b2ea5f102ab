from django.db import migrations, models


class Migration(migrations.Migration):
    """The entry of one more page of the admin. No table."""

    dependencies = [("django_resque", "0002_pages")]

    operations = [
        migrations.CreateModel(
            name="Stats",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                )
            ],
            options={
                "verbose_name": "statistics",
                "verbose_name_plural": "Stats",
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
