"""Every address of `/api/v1/`."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from panel.accounts.api import MeView, TokenViewSet
from panel.audit.api import AuditViewSet
from panel.containers.api import ContainerViewSet
from panel.distribution.api import NamespaceViewSet, RepositoryViewSet
from panel.hosts.api import HostViewSet
from panel.images.api import ImageViewSet
from panel.operations.api import OperationViewSet
from panel.registries.api import CredentialViewSet, RegistryViewSet
from panel.rest.docs import DocumentView, SchemaView
from panel.rest.missing import MissingView
from panel.volumes.api import VolumeViewSet

router = SimpleRouter()
router.register("containers", ContainerViewSet, "container")
router.register("images", ImageViewSet, "image")
router.register("registry/repositories", RepositoryViewSet, "repository")
router.register("registry/namespaces", NamespaceViewSet, "namespace")
router.register("volumes", VolumeViewSet, "volume")
router.register("registries", RegistryViewSet, "registry")
router.register("credentials", CredentialViewSet, "credential")
router.register("operations", OperationViewSet, "operation")
router.register("audit", AuditViewSet, "audit")
router.register("hosts", HostViewSet, "host")
router.register("tokens", TokenViewSet, "token")

urlpatterns = [
    path("", include(router.urls)),
    path("me/", MeView.as_view(), name="me"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocumentView.as_view(), name="docs"),
    path("<path:rest>", MissingView.as_view()),
]
