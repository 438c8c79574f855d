# The contract for machines: schema.json beside this package says the same in JSON Schema. Strict JSON: what Python
# would write as NaN is a string. `changes` holds the facts that count; what follows from another fact or from Keras'
# own counting of names stands in `incidental`, so that nobody has to subtract.
"""JSON of a report."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import modeldiff
from modeldiff.changes import (
    ABSENT,
    Change,
    ConfigChanged,
    DiffResult,
    Endpoint,
    InputsRewired,
    InterfaceChanged,
    LayerAdded,
    LayerMoved,
    LayerRemoved,
    LayerRenamed,
    LayerRetyped,
    MetadataChanged,
    Moments,
    Movement,
    Nature,
    Port,
    Site,
    WeightAdded,
    WeightChanged,
    WeightRemoved,
    WeightReshaped,
    is_incidental,
)
from modeldiff.forecast import Failure, Forecast, LayerForecast, Loading
from modeldiff.graph import Call, CodeRef, Layer, LayerPath, Model, Note, TensorRef, format_path
from modeldiff.regions import Region, RegionKind
from modeldiff.renderer.characters import acts
from modeldiff.report import loading
from modeldiff.report.together import told
from modeldiff.report.view import Report
from modeldiff.report.words import Partners, message, plain

if TYPE_CHECKING:
    from modeldiff.diagram import Folding

FORMAT_VERSION = 1


def render(report: Report, folding: Folding | None = None) -> str:  # noqa: ARG001 - every renderer has this shape
    """The data of a comparison or of one model, in the order of the contract."""
    head = {"tool": {"name": "modeldiff", "version": modeldiff.__version__}, "format_version": FORMAT_VERSION}
    subject = report.subject
    body = _comparison(report, subject) if isinstance(subject, DiffResult) else _model(report, subject)
    text = json.dumps(strict({**head, **body}), ensure_ascii=False, indent=1, allow_nan=False)
    return "\n".join(map(_escaped, _COMMAND.sub(r"#\\u0023", text).split("\n"))) + "\n"


_COMMAND = re.compile(r"##(?=\w*\[)")
"""What the runner of a CI job would obey, wherever it stands in a line (`characters.inert`)."""


def _escaped(line: str) -> str:
    """A line of JSON with characters that would act instead of being read as the escapes JSON has for them."""
    return line if line.isprintable() else "".join(json.dumps(char)[1:-1] if acts(char) else char for char in line)


def strict(of: Any) -> Any:
    """`of` with nothing in it that strict JSON lacks: NaN and infinity as strings, lone surrogates escaped."""
    if isinstance(of, float) and not math.isfinite(of):
        return "nan" if math.isnan(of) else "inf" if of > 0 else "-inf"
    if of is ABSENT:
        return None
    if isinstance(of, str):
        return of.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(of, Mapping):
        return {strict(str(key)): strict(item) for key, item in of.items()}
    if isinstance(of, (list, tuple)):
        return [strict(item) for item in of]
    return of if of is None or isinstance(of, (bool, int, float)) else str(of)


# --- a comparison ---------------------------------------------------------------------------------------------


def _comparison(report: Report, result: DiffResult) -> dict[str, Any]:
    partners = {match.old: match.new for match in result.matching.matches}
    facts = [change for change in result.changes if not is_incidental(change)]
    impact = result.impact
    return {
        "old": _side(result.old, report.files[0].name),
        "new": _side(result.new, report.files[1].name),
        "verdict": {
            "impact": None if impact is None else impact.label,
            "identical": not result.changes and not result.ignored,
            "sentence": plain(report.verdict),
        },
        "counts": dict(Counter(change.kind.value for change in facts)),
        "layers": list(_layers(report, result, facts)),
        "changes": [_change(change, partners) for change in facts],
        "ignored": [
            {"subject": one.rule.subject.value, "pattern": one.rule.pattern, "facts": one.count}
            for one in result.ignored
        ],
        "incidental": [_change(change, partners) for change in result.changes if is_incidental(change)],
        "regions": [_region(region, result) for region in result.regions],
        "forecast": None if result.forecast is None else _forecast(result.forecast),
        "notes": _notes(report.notes),
    }


def _region(region: Region, result: DiffResult) -> dict[str, Any]:
    side = dict((result.old if region.kind is RegionKind.BLOCK_REMOVED else result.new).walk())
    return {
        "kind": region.kind.value,
        "layers": [format_path(path) for path in region.layers],
        "copies": region.copies,
        "like": [format_path(path) for path in region.like],
        "same_weights": region.same_weights,
        "bypass": format_path(region.bypass) or None,
        "cause": [format_path(path) for path in region.cause],
        "rewired": [format_path(path) for path in region.rewired],
        "before": format_path(region.before) or None,
        "after": format_path(region.after) or None,
        "message": plain(told(region, [side[path].class_name for path in region.layers])),
    }


def _forecast(forecast: Forecast) -> dict[str, Any]:
    """What loading would do; layers that simply load are only counted."""
    ways = [
        {
            "method": way.method.value,
            "raises": None if way.failure is None else _failure(way.failure),
            "message": plain(loading.sentence(way)),
            "counts": {outcome.value: count for outcome, count in way.counts.items()},
            "layers": [_loading(layer) for layer in way.layers if layer.loading is not Loading.LOADS],
        }
        for way in forecast.ways
    ]
    reason = loading.obstacle(forecast)
    return {"keras": forecast.keras or None, "ways": ways or None, "reason": reason or None}


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "cause": failure.cause.value,
        "layer": _path(failure.layer),
        "expected": failure.expected,
        "found": failure.found,
        "message": plain(loading.failure(failure)),
    }


def _loading(layer: LayerForecast) -> dict[str, Any]:
    """Weights that keep their initial values have no origin."""
    return {
        "layer": format_path(layer.layer),
        "outcome": layer.loading.value,
        "weights": [
            {
                "weight": weight.name,
                "from": None
                if weight.origin is None
                else {"layer": format_path(weight.origin.layer), "weight": weight.origin.weight},
            }
            for weight in layer.weights
        ],
    }


def _side(model: Model, path: str) -> dict[str, Any]:
    layers = [layer for _, layer in model.walk()]
    weights = [weight for layer in layers for weight in layer.weights] + list(model.weights)
    return {
        "name": model.name,
        "path": path,
        "format": model.format,
        "keras_version": model.metadata.get("keras_version"),
        "backend": model.metadata.get("backend"),
        "layers": len(layers),
        "weights": len(weights),
        "parameters": model.parameters,
        "bytes": sum(weight.nbytes for weight in weights),
        "code": list(map(_code, model.code)),
    }


def _code(ref: CodeRef) -> dict[str, Any]:
    told = {"name": ref.name, "module": ref.module, "digest": ref.digest}
    place = {"layer": format_path(ref.path), "key": ref.key, "kind": ref.what.value}
    return place | {key: value for key, value in told.items() if value}


def _layers(report: Report, result: DiffResult, facts: Iterable[Change]) -> Iterable[dict[str, Any]]:
    old, new = dict(result.old.walk()), dict(result.new.walk())
    matches = {match.site: match for match in result.matching.matches}
    kinds: dict[Site, dict[str, None]] = {}
    for change in facts:
        kinds.setdefault(change.site, {})[change.kind.value] = None
    for site, view in zip(result.sites(), report.layers, strict=True):
        match = matches.get(site)
        before = None if site.old is None else old[site.old]
        after = None if site.new is None else new[site.new]
        yield {
            "old": _path(site.old),
            "new": _path(site.new),
            "class_name": {"old": before and before.class_name, "new": after and after.class_name},
            "match": match and {"evidence": match.evidence.value, "score": round(match.score, 4)},
            "reason": plain(view.match),
            "changes": list(kinds.get(site, ())),
            "parameters": {"old": before and before.parameters, "new": after and after.parameters},
        }


def _change(change: Change, partners: Partners) -> dict[str, Any]:
    return {
        "kind": change.kind.value,
        "impact": change.impact.label,
        "old": _path(change.site.old),
        "new": _path(change.site.new),
        **_facts(change),
        "message": plain(message(change, partners)),
    }


def _facts(change: Change) -> dict[str, Any]:
    """What a kind says beyond its site."""
    match change:
        case LayerAdded(class_name=name) | LayerRemoved(class_name=name):
            return {"class_name": name}
        case LayerRenamed():
            return {"before": change.before, "after": change.after}
        case LayerMoved():
            return {"before": format_path(change.before), "after": format_path(change.after)}
        case LayerRetyped():
            return {"before": change.before, "after": change.after, "equivalent": change.equivalent}
        case InputsRewired():
            return {"call": change.call, "before": _ends(change.before), "after": _ends(change.after)}
        case InterfaceChanged():
            return {"role": change.role, "before": _ports(change.before), "after": _ports(change.after)}
        case ConfigChanged() | MetadataChanged():
            return {"key": change.key, "before": change.before, "after": change.after}
        case WeightAdded() | WeightRemoved():
            return {"weight": change.weight, "shape": change.shape, "dtype": change.dtype}
        case WeightReshaped():
            layouts = {"before": _layout(*change.before), "after": _layout(*change.after)}
            nature = _nature(change.nature, change.proof)
            return {"weight": change.weight, **layouts, **_movement(change.movement), **nature}
        case WeightChanged():
            told: dict[str, Any] = {"weight": change.weight, "shape": change.shape, "dtype": change.dtype}
            return {**told, **_movement(change.movement), **_nature(change.nature, change.proof)}


def _layout(shape: tuple[int, ...], dtype: str) -> dict[str, Any]:
    return {"shape": shape, "dtype": dtype}


def _nature(nature: Nature, proof: Mapping[str, float]) -> dict[str, Any]:
    return {"nature": None if nature is Nature.UNKNOWN else nature.value, "proof": dict(proof)}


def _movement(movement: Movement | None) -> dict[str, Any]:
    if movement is None:
        return {}
    stats: dict[str, Any] = {
        key: getattr(movement, key) for key in ("max_abs", "mean_abs", "relative_l2", "cosine", "changed_fraction")
    }
    stats |= {"old": _moments(movement.old), "new": _moments(movement.new)}
    if movement.histogram is not None:
        stats["histogram"] = {key: getattr(movement.histogram, key) for key in ("low", "high", "old", "new")}
    return {"stats": stats}


def _moments(moments: Moments) -> dict[str, Any]:
    return {key: getattr(moments, key) for key in ("mean", "std", "min", "max", "zeros", "nan", "inf")}


def _path(path: LayerPath | None) -> str | None:
    return None if path is None else format_path(path)


def _ends(ends: Iterable[Endpoint]) -> list[str]:
    """Layer paths; a call or an output other than the first is appended as `@call` and `.output`."""
    return [
        format_path(end.layer) + (f"@{end.call}" if end.call else "") + (f".{end.output}" if end.output else "")
        for end in ends
    ]


def _ports(ports: Iterable[Port]) -> list[dict[str, Any]]:
    return [
        {"layer": format_path(port.layer), "shape": port.shape, "dtype": port.dtype}
        | ({"key": port.key} if port.key else {})
        for port in ports
    ]


def _notes(notes: Iterable[Note]) -> list[dict[str, str]]:
    texts = [({"about": note.about, "text": note.text}, note.fact) for note in notes]
    return [text | ({"fact": fact.value} if fact else {}) for text, fact in texts]


# --- one model ------------------------------------------------------------------------------------------------


def _model(report: Report, model: Model) -> dict[str, Any]:
    digests = {(layer.new, weight.name): weight.digest for layer in report.layers for weight in layer.weights}
    values = {(format_path(site.new or ()), name): found.new for (site, name), found in report.values.items()}
    return {
        "model": {**_side(model, report.files[0].name), "has_graph": model.graph.has_edges},
        "inputs": [_tensor(ref, ()) for ref in model.graph.inputs],
        "outputs": [_tensor(ref, ()) for ref in model.graph.outputs],
        "layers": [_layer(path, layer, digests, values) for path, layer in model.walk()],
        "notes": _notes(report.notes),
    }


def _tensor(ref: TensorRef, parent: LayerPath) -> dict[str, Any]:
    return {"layer": format_path((*parent, ref.layer)), "call": ref.call, "output": ref.output}


def _layer(
    path: LayerPath,
    layer: Layer,
    digests: Mapping[tuple[str | None, str], str],
    values: Mapping[tuple[str, str], Moments | None],
) -> dict[str, Any]:
    place = format_path(path)
    return {
        "path": place,
        "class_name": layer.class_name,
        "trainable": layer.trainable,
        "config": layer.config,
        "calls": [_call(call, path[:-1]) for call in layer.calls],
        "weights": [
            {"name": weight.name, "shape": weight.shape, "dtype": weight.dtype}
            | ({"digest": digests[place, weight.name]} if digests.get((place, weight.name)) else {})
            | ({"stats": _moments(moments)} if (moments := values.get((place, weight.name))) else {})
            for weight in layer.weights
        ],
        "parameters": layer.parameters,
        "output_shapes": layer.output_shapes,
    }


def _call(call: Call, parent: LayerPath) -> dict[str, Any]:
    inputs = [_tensor(ref, parent) for ref in call.inputs]
    for tensor, keyword in zip(inputs, call.keywords, strict=False):
        if keyword:
            tensor["keyword"] = keyword
    return {"inputs": inputs} | ({"kwargs": call.kwargs} if call.kwargs else {})
