// Rows behind a fold are not in the page twice: they are drawn from the report's words when it opens, as drawing.py does.
let lit = null; // the addresses that pass the filters, where there are any
const ink = document.createElement("canvas").getContext("2d");
let faces = null;
const fonts = () => faces ||= { mono: `600 12.5px ${getComputedStyle(page).getPropertyValue("--mono")}`, sans: `11.5px ${getComputedStyle(page).getPropertyValue("--sans")}` };
const wide = (words, font) => { ink.font = font; return ink.measureText(words).width; };
/** The words, cut at the end (or in the middle, for names) where they are wider than the room. */
function cut(words, font, room, middle) {
  if (wide(words, font) <= room) return words;
  let keep = words.length - 1;
  const short = () => middle ? words.slice(0, keep - Math.ceil(keep * .6)) + "…" + words.slice(-Math.ceil(keep * .6)) : words.slice(0, keep) + "…";
  while (keep > 2 && wide(short(), font) > room) keep--;
  return short();
}

/** A layer as the view shows it: that of the old model says nothing of the new one (boxes.py, one_sided). */
function sided(layer) {
  const named = { name: visible(layer.n), old: visible(layer.o || ""), figure: plain(layer.f), told: [layer.c, layer.u, layer.h].map(text) };
  if (side === "new") named.old = "";
  if (side !== "old") return named;
  const own = layer.q?.[0] && statusOf(layer) !== "unchanged" ? number(layer.q[0]) : "";
  return { ...named, name: named.old || named.name, old: "", figure: own, told: (layer.b || [layer.c, layer.u, layer.h]).map(text) };
}

function drawRows(card) {
  if (!card.dataset.i) return;
  const [total, ...list] = card.dataset.i.split(" "), across = Number(total), font = fonts(), shapes = [];
  let y = 0, rules = "";
  for (const item of list) {
    const layer = layers[parseInt(item, 10)], tall = item.endsWith("+"), high = tall ? 46 : 26, status = statusOf(layer), kind = CLASS[status];
    const start = compares ? 36 : 12, end = across - 10, room = end - start, top = tall ? 19 : 17;
    const { name, old, figure, told: [kindOf, short, outside] } = sided(layer);
    const quiet = item.endsWith("-"), about = quiet ? plain(layer.l[0].slice(0, layer.l[0].indexOf(": "))) : [kindOf, tall ? short : outside].filter(Boolean).map(visible).join(" · ") || figure;
    const arrow = old && " → ", low = tall && across < 232, shape = tall ? low && compares ? cut(figure, font.sans, room * .6) : outside : "";
    const beside = Math.max(room - wide(name, font.mono) - 6, room * .45);
    const right = tall ? low ? "" : figure : quiet || wide(about, font.sans) <= beside ? cut(about, font.sans, beside) : cut(visible(kindOf), font.sans, beside);
    const left = room - wide(right, font.sans) * (tall ? 1.08 : 1) - (right && 6);
    const oldCut = old && wide(old + arrow + name, font.mono) > left ? cut(old, font.mono, Math.max(left - wide(arrow + name, font.mono), left * .3), true) : old;
    const nameCut = cut(name, font.mono, left - wide(oldCut + arrow, font.mono), true);
    const lower = tall ? cut(about, font.sans, room - wide(shape, font.sans) - 6) : "";
    const parts = [s("rect.b", { width: across, height: high })];
    if (status !== "unchanged") parts.push(s("path.gut", { d: `M0 0h26v${high}H0z` }), s("text.sg", { x: 13, y: high / 2 + 5, "aria-hidden": "true" }, data.signs[layer.s]));
    parts.push(s("text.nm", { x: start, y: top }, ...(old ? [s("tspan.o", null, oldCut, arrow), nameCut] : [nameCut])));
    if (right) parts.push(s(tall ? "text.val" : "text.end", { x: end, y: top }, right));
    if (lower) parts.push(s("text", { x: start, y: 36 }, lower));
    if (shape) parts.push(s(low && compares ? "text.val" : "text.end", { x: end, y: 36 }, shape));
    if (nameCut !== name || oldCut !== old || (tall ? lower : right) !== about) parts.unshift(s("title", null, `${old}${arrow}${name}: ${status === "unchanged" ? "" : status + " · "}${about}`));
    shapes.push(s(`a.r.${kind}${quiet ? ".fol" : ""}${lit && !lit.has("#" + layer.a) ? ".dim" : ""}`, { href: "#" + layer.a, transform: `translate(0 ${y})`, ...(status === "unchanged" ? { tabindex: -1 } : {}) }, ...parts));
    y += high;
    rules += item === list[list.length - 1] ? "" : `M0 ${y - .5}h${across}`;
  }
  const box = kind => s(`rect.${kind}`, { width: across, height: y, rx: 4 });
  card.append(box("bg"), compares ? s("path.well", { d: `M0 0h26v${y}H0z` }) : "", ...shapes, s("path.rule", { d: rules }), box("frame"));
  card.removeAttribute("data-i");
  for (const item of list) undrawn[side].delete(parseInt(item, 10));
}
