from django.db import migrations, models


def _id() -> "models.BigAutoField[int, int]":
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


class Migration(migrations.Migration):
    """Content types and permissions for the admin. No tables: both models are unmanaged."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Failures",
            fields=[("id", _id())],
            options={
                "verbose_name": "failure",
                "verbose_name_plural": "Failures",
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Overview",
            fields=[("id", _id())],
            options={
                "verbose_name": "overview",
                "verbose_name_plural": "Queues and workers",
                "permissions": [
                    ("view", "Can see queues, workers, jobs and failures"),
                    ("retry", "Can retry failed jobs"),
                    ("delete", "Can delete jobs and failures"),
                    ("control", "Can pause queues and stop workers"),
                ],
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
