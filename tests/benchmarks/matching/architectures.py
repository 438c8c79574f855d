# Small copies of what people build, narrow so that Keras makes them fast: what is hard for a matcher is the shape
# of the graph and the repetition, not the width. Ids read like the names a careful person would give.
"""The architectures of the benchmark, by name: `ARCHITECTURES`, `LARGE` and `UNSEEN`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.matching import image_models, other_models, unseen_models
from benchmarks.matching.specs import Spec

ARCHITECTURES: dict[str, Callable[[], Spec]] = {
    "mlp": other_models.mlp,
    "cnn": image_models.cnn,
    "vgg": image_models.vgg,
    "resnet-v1": image_models.resnet_v1,
    "resnet-v2": image_models.resnet_v2,
    "unet": image_models.unet,
    "inception": image_models.inception,
    "mobilenet": image_models.mobilenet,
    "densenet": image_models.densenet,
    "text-lstm": other_models.text_lstm,
    "text-gru": other_models.text_gru,
    "seq2seq": other_models.seq2seq,
    "transformer": other_models.transformer,
    "siamese": other_models.siamese,
    "multi": other_models.multi,
    "autoencoder": image_models.autoencoder,
    "operations": other_models.operations,
    "custom": other_models.custom,
    "resnet-long": partial(image_models.resnet_v1, (5, 5, 4)),
}

LARGE: dict[str, Callable[[], Spec]] = {
    "resnet-300": partial(image_models.resnet_v1, (15, 14, 14)),
    "densenet-430": partial(image_models.densenet, (35, 35, 35)),
    "mixer-1000": partial(other_models.mixer, 199),
}

UNSEEN: dict[str, Callable[[], Spec]] = {
    "senet": unseen_models.senet,
    "convnext": unseen_models.convnext,
    "vit": unseen_models.vit,
    "tcn": unseen_models.tcn,
    "wide-deep": unseen_models.wide_deep,
    "generator": unseen_models.generator,
    "tagger": unseen_models.tagger,
    "plain-deep": unseen_models.plain_deep,
    "pyramid": unseen_models.pyramid,
    "parts": unseen_models.parts,
    "ensemble": unseen_models.ensemble,
    "xception": unseen_models.xception,
}
"""For validation alone: used where a seed is given."""
