"""The forms of the pages about the panel's own registry, and the lists' filters."""

from typing import Any

import django_filters
from django import forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from panel.accounts.models import User
from panel.distribution.governing import Change, RuleValue
from panel.distribution.models import Namespace, Repository, Tag
from panel.pages.asking import AskingForm


class RepositoryFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`search` looks at the name."""

    search = django_filters.CharFilter(method="by_text")

    class Meta:
        model = Repository
        fields: list[str] = []

    def by_text(self, rows: Any, name: str, text: str) -> QuerySet[Repository]:
        """The model's own search."""
        return rows.search(text.strip())  # type: ignore[no-any-return]


class TagFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`search` looks at tag and digest."""

    search = django_filters.CharFilter(method="by_text")

    class Meta:
        model = Tag
        fields: list[str] = []

    def by_text(self, rows: Any, name: str, text: str) -> QuerySet[Tag]:
        """The model's own search."""
        return rows.search(text.strip())  # type: ignore[no-any-return]


class OwnersForm(AskingForm):
    """Whose a namespace is, and who sees it."""

    owner = forms.ModelChoiceField(
        label=_("Owner"), queryset=User.objects.filter(is_active=True).order_by("username"), required=False
    )
    group = forms.ModelChoiceField(
        label=_("Owning group"),
        queryset=Group.objects.order_by("name"),
        required=False,
        help_text=_("Its members push and delete as the owner does."),
    )
    visibility = forms.ChoiceField(label=_("Visible to"), choices=Namespace.Visibility.choices)


class NewNamespaceForm(OwnersForm):
    """A new namespace."""

    typed = mono = ("name",)

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("The first part of its repositories' names: team in team/app.")
    )
    field_order = ("name", "owner", "group", "visibility")


class NamespaceForm(OwnersForm):
    """A namespace as its owner changes it; the owner's own fields are only for who manages all of them."""

    typed = mono = ("immutable_tags",)

    immutable_tags = forms.CharField(
        label=_("Immutable tags"),
        required=False,
        help_text=_("Patterns with blanks between, such as v* release-*. Such a tag is never moved or deleted."),
    )
    untagged_days = forms.IntegerField(
        label=_("Delete untagged manifests after (days)"),
        required=False,
        min_value=0,
        help_text=_("Empty: they stay."),
    )

    def __init__(self, *args: Any, namespace: Namespace, is_manager: bool, **kwargs: Any) -> None:
        self._namespace, self._is_manager = namespace, is_manager
        now = {name: getattr(namespace, name) for name in ("owner", "group", "visibility", "untagged_days")}
        now["immutable_tags"] = " ".join(namespace.immutable_tags)
        super().__init__(*args, initial=now, **kwargs)

    def fit(self) -> None:
        """Without what the visitor may not change."""
        if self._is_manager:
            return
        for name in ("owner", "group"):
            del self.fields[name]
        visibility = self.fields["visibility"]
        assert isinstance(visibility, forms.ChoiceField)  # noqa: S101 - declared above
        public = Namespace.Visibility.PUBLIC
        if self._namespace.visibility != public:
            visibility.choices = [choice for choice in Namespace.Visibility.choices if choice[0] != public]

    def change(self) -> Change:
        """What is asked."""
        asked = self.cleaned_data
        return Change(
            visibility=asked["visibility"],
            immutable_tags=asked["immutable_tags"].split(),
            untagged_days=asked["untagged_days"],
            keeps_untagged=asked["untagged_days"] is None,
            owners=(asked["owner"], asked["group"]) if self._is_manager else None,
        )


class RuleForm(AskingForm):
    """One rule; a row without patterns is none."""

    typed = mono = ("repositories", "tags")

    repositories = forms.CharField(label=_("Repositories"), max_length=128, required=False)
    tags = forms.CharField(label=_("Tags"), max_length=128, required=False)
    keep_last = forms.IntegerField(label=_("Keep the last"), min_value=0, required=False)
    keep_days = forms.IntegerField(label=_("Keep for days"), min_value=0, required=False)

    def value(self) -> RuleValue | None:
        """The rule, if there is one in the row."""
        asked = self.cleaned_data
        if not any(value not in ("", None) for value in asked.values()):
            return None
        patterns = {name: asked[name] or "*" for name in ("repositories", "tags")}
        return RuleValue(**patterns, keep_last=asked["keep_last"], keep_days=asked["keep_days"])


RuleFormSet = forms.formset_factory(RuleForm, extra=2)
