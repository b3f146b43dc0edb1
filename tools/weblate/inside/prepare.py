"""Tables, one person with a key, our project and our components: run by Weblate's Python with the path of a components.json."""

import json
import os
import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - after setup()
from rest_framework.authtoken.models import Token  # noqa: E402
from weblate.auth.models import User  # noqa: E402
from weblate.trans.models import Component, Project  # noqa: E402

call_command("migrate", verbosity=0, interactive=False)
person = User.objects.create_superuser("translator", "translator@example.invalid", None, full_name="A Translator")
Token.objects.filter(user=person).delete()
Token.objects.create(user=person, key=json.loads(os.environ["BONDED_WEBLATE"])["key"])
Project.objects.create(slug="bonded", name="Bonded", web="https://localhost/", set_language_team=False)
call_command("import_json", sys.argv[1], project="bonded")

for component in Component.objects.order_by("slug"):
    for one in component.translation_set.order_by("language_code").exclude(language_code="en"):
        failing: dict[str, int] = {}
        for unit in one.unit_set.prefetch_related("check_set"):
            for check in unit.check_set.all():
                failing[check.name] = failing.get(check.name, 0) + 1
        report = {
            "component": component.slug,
            "language": one.language.code,
            "of": one.filename,
            "forms": one.plural.number,
            "strings": one.stats.all,
            "translated": one.stats.translated,
            "fuzzy": one.stats.fuzzy,
            "located": one.unit_set.exclude(location="").count(),
            "checks": failing,
        }
        sys.stdout.write(f"report {json.dumps(report)}\n")
