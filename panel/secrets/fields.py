"""A column that holds a secret, encrypted by `panel.secrets.vault`."""

from typing import Any

from django.db import models

from panel.secrets import vault


class SecretField(models.TextField):  # type: ignore[type-arg]  # Django has no arguments for it at run time
    """Holds what `vault.encrypt` returned: what is read of a row, or shown by mistake, is never the secret itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"editable": False} | kwargs)


def renew_all(model: type[models.Model]) -> int:
    """Encrypt every secret in the model's table with the newest key; how many there were. Raises SecretLost."""
    renewed = 0
    names = [field.name for field in model._meta.concrete_fields if isinstance(field, SecretField)]
    for name in names:
        for row in model._default_manager.select_for_update().exclude(**{name: ""}).only("pk", name):
            model._default_manager.filter(pk=row.pk).update(**{name: vault.renew(getattr(row, name))})
            renewed += 1
    return renewed
