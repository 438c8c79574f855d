// The panel of one layer, made when it is chosen: 4000 panels in the page would be most of its size.
function panel(index) {
  const layer = layers[index], status = statusOf(layer), pair = compares && status !== "added" && status !== "removed";
  const held = within(index), touched = held.filter(each => statusOf(layers[each]) !== "unchanged");
  return h("article.ly", { "aria-labelledby": "chosen" }, head(layer, status === "unchanged" && touched.length ? "unchanged itself" : status, status),
    (layer.w || []).map(line => h("p.note", null, ...phrase(line))),
    happened([...(layer.g || []).map(number => data.together[number]), ...(compares && pair && layer.l || [])]),
    config(layer, pair), weights(layer, status), match(layer), connections(layer), inside(held, touched));
}

/** All layers inside a sub-model, at any depth. */
const within = index => inner[index].flatMap(each => [each, ...within(each)]);

const SOME = 12;
/** What a sub-model holds: the layers in it that changed, or how many there are. */
function inside(held, touched) {
  if (!held.length) return "";
  const named = compares ? touched : held, more = named.length - SOME;
  return [h("h4", null, "Inside ", h("span", null, `${number(held.length)} layer${held.length === 1 ? "" : "s"}${compares ? `, ${touched.length ? number(touched.length) : "none"} changed` : ""}`)),
    named.length ? h("dl.nb", null, h("dt", null, compares ? "Changed" : "Layers"), h("dd", null, h("ul", null, ...named.slice(0, SOME).map(each => h("li", null, compares ? sign(statusOf(layers[each])) : "", h("a", { href: "#" + layers[each].a }, h("code", null, visible(layers[each].path))))), more > 0 ? h("li.mute", null, `and ${number(more)} more`) : ""))) : ""];
}

function head(layer, words, status) {
  const about = [compares ? words : "", text(layer.c), impactOf(layer), layer.z ? "frozen" : ""].filter(Boolean).join(" · ");
  const parent = layer.p === undefined ? "" : path(layer).slice(0, -layer.n.replace(/~/g, "~0").replace(/\//g, "~1").length);
  return h(`div.ly-h${compares ? "" : ".plain"}`, null, compares ? sign(status) : "",
    h("h3", { id: "chosen" }, parent && h("i", null, visible(parent)), layer.o ? h("i", null, `${visible(layer.o)} → `) : "", visible(layer.n)),
    h("p", null, about), layer.u !== undefined || layer.h !== undefined ? h("p", null, [text(layer.u), !compares && !layer.t && layer.f ? `${plain(layer.f)} parameters` : "", layer.h === undefined ? "" : `output ${text(layer.h)}`].filter(Boolean).join(" · ")) : "");
}

/** What happened, one line each; layers that are named are links. */
const happened = lines => lines.length ? h("ul.facts", null, ...lines.map(line => h("li", null, ...linked(line)))) : "";
const linked = line => phrase(line).map((word, i) => Array.isArray(line) && Array.isArray(line[i]) && line[i].length > 1 ? h("a", { href: "#" + layers[line[i][1]].a }, word) : word);

function config(layer, pair) {
  if (layer.k === undefined) return "";
  const rows = data.configs[layer.k], changed = rows.filter(row => row.length > 2), same = rows.filter(row => row.length < 3);
  const key = number => h("th", { scope: "row" }, h("code", null, visible(text(number))));
  const side = (kind, number) => h("td" + (number < 0 ? "" : kind), null, number < 0 ? "not there" : visible(text(number)));
  const rest = h("table.t.kv", null, h("tbody", null, ...same.map(([name, value]) => h("tr", null, key(name), h("td", null, visible(text(value)))))));
  const words = pair ? `${same.length} unchanged key${same.length === 1 ? "" : "s"}` : `${same.length} key${same.length === 1 ? "" : "s"}`;
  return [h("h4", null, "Config ", h("span", null, !pair ? "" : changed.length ? `${changed.length} of ${rows.length} key${rows.length === 1 ? "" : "s"}` : "unchanged")),
    changed.length ? h("table.t.kv", null, h("thead", null, h("tr", null, ...["key", "old", "new"].map(name => h("th", { scope: "col" }, name)))),
      h("tbody", null, ...changed.map(([name, old, now]) => h("tr", null, key(name), side(".x", old), side(".y", now))))) : "",
    same.length ? h("details", same.length <= 12 && !compares ? { open: "" } : null, h("summary", null, words), rest) : ""];
}

function weights(layer, status) {
  if (!layer.t) return "";
  const [old, now] = layer.q || [null, null];
  const count = old === null || old === undefined ? number(now || 0) : now === null || now === undefined ? number(old) : old === now ? number(now) : `${number(old)} → ${number(now)}`;
  return [h("h4", null, "Weights ", h("span", null, `${count} parameters${layer.d > 0 && layer.d < 100 && layer.t.length > 1 ? `, ${distance(layer.d)} in all` : ""}`)), ...layer.t.map(tensor)];
}

function tensor([name, shape, type, , status, verdict, stats, histogram, digest]) {
  const cells = stats && stats.length ? stats[1].split("|") : null;
  const rows = cells && text(stats[0]).split("\t").map((label, i) => [label, cells[2 * i] ?? "0, 0, 0", cells[2 * i + 1] ?? "0, 0, 0"]);
  const sides = rows ? ["old", "new"].map((name, i) => [name, i + 1]).filter(([, i]) => rows.some(row => row[i])) : [];
  const flat = !rows && !histogram && !digest, nature = plain(verdict) ? h(flat ? "span.nat" : "p.nat", null, data.signs[status] && compares ? h("span.vh", null, `${data.statuses[status]}: `) : "", ...phrase(verdict)) : "";
  return h(`div.ten${flat ? ".flat" : ""}`, null,
    h("p.tn", null, h("b", null, visible(text(name))), h("span.num", null, text(shape)), h("span", null, text(type)), flat ? nature : ""),
    flat ? "" : nature,
    histogram ? plot(histogram, text(shape).includes("→")) : "",
    rows ? h("table.t", null, compares ? h("thead", null, h("tr", null, h("td"), ...sides.map(([name]) => h("th.r", { scope: "col" }, name)))) : "",
      h("tbody", null, ...rows.map(row => h("tr", null, h("th", { scope: "row" }, row[0]), ...sides.map(([, i]) => h("td.r", null, row[i])))))) : "",
    digest ? h("p.mute", null, h("code", null, digest)) : "");
}

/** Both sides over shared bins, each by the share of its entries: old as bars, new as a line; one model alone as bars. */
function plot([low, high, old, now], resized) {
  if (!compares) [old, now] = [now, old];
  const wide = 360, foot = 84, top = 6, count = Math.max(old.length, now.length), bin = wide / count;
  const y = char => foot - data.bars.indexOf(char) / (data.bars.length - 1) * (foot - top);
  const bars = [...old].map((char, i) => char === "0" ? "" : `M${(i * bin + .5).toFixed(1)} ${foot}V${y(char).toFixed(1)}h${(bin - 1).toFixed(1)}V${foot}z`).join("");
  const line = [...now].map(char => `V${y(char).toFixed(1)}h${bin.toFixed(2)}`).join("");
  const short = value => (Math.abs(value) >= 1e4 || (value && Math.abs(value) < 1e-3) ? value.toExponential(1) : String(Number(value.toPrecision(2)))).replace("-", "−");
  const zero = low < 0 && high > 0 ? -low / (high - low) * wide : -1;
  const label = (x, words, anchor) => s("text", { x, y: 98, "text-anchor": anchor }, words);
  return [s("svg.hist", { viewBox: `0 0 ${wide} 102`, role: "img", "aria-label": `Histogram of ${old.length && now.length ? "both sides over shared bins" : "the values"}, ${short(low)} to ${short(high)}` },
    s("path.o", { d: bars }), now.length ? s("path.n", { d: `M0 ${foot}${line}V${foot}` }) : "", s("line", { x1: 0, x2: wide, y1: foot + .5, y2: foot + .5 }),
    label(0, short(low), "start"), zero > 40 && zero < wide - 40 ? label(zero, "0", "middle") : "", label(wide, short(high), "end")),
  !compares ? "" : h("p.key", null, bars ? h("span", null, h("i"), "old") : "", now.length ? h("span", null, h("i.new"), "new") : "", resized ? h("span", null, "by share of entries") : "")];
}

const match = layer => layer.m ? [h("h4", null, "Match"), h("p.mute", null, ...phrase(layer.m, layer.n))] : "";

function connections(layer) {
  const side = (name, links) => links && links.length ? [h("dt", null, name), h("dd", null, h("ul", null, ...links.map(link)))] : [];
  const rows = [...side("Inputs", layer.in), ...side("Outputs", layer.out)];
  if (!rows.length) return "";
  return [h("h4", null, "Connections"), h("dl.nb", null, ...rows)];
}

function link(to) {
  const [target, label, status] = Array.isArray(to) ? to : [to, 0];
  const shown = label === 0 ? [h("code", null, visible(layers[target].path))] : phrase(label);
  return h("li", null, status === undefined ? "" : sign(data.statuses[status]),
    typeof target === "number" ? h("a", { href: "#" + layers[target].a }, ...shown) : h("span", null, ...shown),
    status === undefined ? "" : h("span.mute", null, ` ${data.statuses[status]} connection`));
}
