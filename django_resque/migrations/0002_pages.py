from django.db import migrations, models


def _entry(name: str, singular: str, plural: str) -> migrations.CreateModel:
    key: models.BigAutoField[int, int] = models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )
    return migrations.CreateModel(
        name=name,
        fields=[("id", key)],
        options={
            "verbose_name": singular,
            "verbose_name_plural": plural,
            "managed": False,
            "default_permissions": (),
        },
    )


class Migration(migrations.Migration):
    """Entries for more pages of the admin. No tables."""

    dependencies = [("django_resque", "0001_initial")]

    operations = [
        _entry("Queues", "queue", "Queues"),
        _entry("Workers", "worker", "Workers"),
        _entry("Delayed", "delayed job", "Delayed jobs"),
        migrations.AlterModelOptions(
            name="overview",
            options={
                "default_permissions": (),
                "managed": False,
                "permissions": [
                    ("view", "Can see queues, workers, jobs and failures"),
                    ("retry", "Can retry failed jobs"),
                    ("delete", "Can delete jobs and failures"),
                    ("control", "Can pause queues and stop workers"),
                ],
                "verbose_name": "overview",
                "verbose_name_plural": "Overview",
            },
        ),
    ]
