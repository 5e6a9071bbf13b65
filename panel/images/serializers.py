"""What the REST API says of the inside of images, and takes to prune them."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from engine import Comparison, FilePage, HistoryStep, ImagePruneFilters, LayerFacts, PrunedImages
from panel.rest.described import Describer

LAYER = "sha256:c2adabaecedbda0af72b153c6499a0555f3a769d52370469d8f6bd6328af9b13"
ONE, OTHER = ("sha256:" + digits * 32 for digits in ("5f", "a9"))

DESCRIBED = Describer(
    {
        "HistoryStep": {
            "created_by": "what made it, as its builder wrote it down",
            "layer": "number of the layer it made, from the lowest, which is 1; 0 where it made none",
            "size_bytes": "of that layer, unpacked",
        },
        "LayerFacts": {
            "number": "from the lowest, which is 1",
            "diff_id": "digest of its plain tar",
            "chain_id": "identifies it together with all below it",
            "digest": "of the layer as it is stored",
            "size_bytes": "unpacked",
            "stored_bytes": "as it is stored",
            "shared_with": "ids of the other images that have it",
            "changes": "how many paths it adds, changes and deletes",
        },
        "FileChange": {
            "type": "`file`, `folder`, `link`, `device`, `pipe` or `socket`",
            "mode": "permission bits",
            "size_before_bytes": "what a file that changed had before",
            "target": "where a symbolic link leads, as it is written",
            "layer": "number of the layer; 0 between two images",
        },
        "FilePage": {"next": "to be given back as `after` for those that follow; empty at the end"},
        "ConfigDifference": {
            "field": "such as `env` or `command`",
            "name": "which entry of it, such as a variable's name; empty for a field without entries",
        },
        "Comparison": {
            "before": "image id",
            "after": "image id",
            "shared_layers": "chain ids, lowest first",
            "shared_bytes": "what these take unpacked",
            "differences": "of the configurations",
        },
        "PrunedImage": {"size_bytes": "what its layers take unpacked, shared or not"},
        "PrunedImages": {
            "freed_bytes": "what comes free; what other images need too is not in it",
            "downloads_bytes": "of that, what failed and cancelled pulls had fetched; the next ones begin anew then",
        },
        "ImagePruneFilters": {
            "dangling": "only those without a name; if false, all that no container uses",
            "until": "only those created before this time (RFC 3339)",
            "labels": "`name` or `name=value`: only those that have all of them",
            "without_labels": "`name` or `name=value`: only those that have none of them",
        },
    }
)

STEPS = OpenApiExample(
    "History",
    value={
        "steps": [
            {
                "created_at": "2026-01-01T00:00:00.000000Z",
                "created_by": "COPY app /srv/app",
                "comment": "buildkit.dockerfile.v0",
                "layer": 2,
                "size_bytes": 52301,
            }
        ]
    },
    response_only=True,
)
LAYERS = OpenApiExample(
    "Layers",
    value={
        "layers": [
            {
                "number": 1,
                "diff_id": LAYER,
                "chain_id": LAYER,
                "digest": LAYER,
                "media_type": "application/vnd.oci.image.layer.v1.tar",
                "size_bytes": 1982354,
                "stored_bytes": 2011648,
                "shared_with": [OTHER],
                "changes": {"added": 421, "changed": 0, "deleted": 0},
            }
        ]
    },
    response_only=True,
)
FILES = OpenApiExample(
    "Files",
    value={
        "files": [
            {
                "path": "/etc/passwd",
                "kind": "changed",
                "type": "file",
                "mode": 420,
                "uid": 0,
                "gid": 0,
                "size_bytes": 922,
                "size_before_bytes": 888,
                "target": "",
                "layer": 2,
            }
        ],
        "next": "2.ZXRjL3Bhc3N3ZA",
    },
    response_only=True,
)
COMPARED = OpenApiExample(
    "Another version",
    value={
        "before": ONE,
        "after": OTHER,
        "shared_layers": [LAYER],
        "shared_bytes": 1982354,
        "differences": [{"field": "env", "name": "VERSION", "before": "1.2", "after": "1.3"}],
    },
    response_only=True,
)
PRUNE = OpenApiExample(
    "All unused ones of a team, as a list only",
    value={"dangling": False, "labels": ["team=blue"], "dry_run": True},
    request_only=True,
)
PRUNED = OpenApiExample(
    "What would go",
    value={
        "images": [
            {
                "id": ONE,
                "references": ["docker.io/library/app:1"],
                "created_at": "2026-01-01T00:00:00.000000Z",
                "size_bytes": 2034655,
            }
        ],
        "freed_bytes": 52301,
        "downloads_bytes": 0,
    },
    response_only=True,
)


@extend_schema_serializer(examples=[STEPS])
class HistorySerializer(serializers.Serializer[Any]):
    """How an image was made, first step to last."""

    steps = DESCRIBED.plain(HistoryStep)(many=True)


@extend_schema_serializer(examples=[LAYERS])
class LayersSerializer(serializers.Serializer[Any]):
    """An image's layers, lowest first."""

    layers = DESCRIBED.plain(LayerFacts)(many=True)


FilePageSerializer = extend_schema_serializer(examples=[FILES])(DESCRIBED.plain(FilePage))
ComparisonSerializer = extend_schema_serializer(examples=[COMPARED])(DESCRIBED.plain(Comparison))
PrunedImagesSerializer = extend_schema_serializer(examples=[PRUNED])(DESCRIBED.plain(PrunedImages))
PruneImagesSerializer = extend_schema_serializer(examples=[PRUNE])(
    DESCRIBED.serializer(
        ImagePruneFilters,
        name="PruneImages",
        about="Which of the images that no container uses are meant: those without a name unless something is said.",
        further={
            "dry_run": serializers.BooleanField(
                required=False, default=False, help_text="only tell at once what would go and come free"
            ),
            "host": serializers.CharField(required=False, help_text="the first one if it is left out"),
        },
    )
)
