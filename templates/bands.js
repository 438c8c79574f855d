// The places as SVG in the page. A small picture is one SVG, the one that the page came with. Of a large one each stretch
// of about a screen is an SVG of its own, a band: the browser neither lays out nor paints a band that is far away
// (content-visibility), yet searches it, reads it aloud and gives it the focus. Lines and frames that reach from band to
// band stay in the one SVG beneath. Rows behind a fold are drawn when their band comes near, and the rest when the browser
// has time. Rejected: `display: none` for what is far, which no search finds; one SVG, in which each step costs all of it.
const MANY = 300, TALL = 900;
const scroller = $(".scroll"), under = $("#graph"), arrows = $("defs", under), graph = h("div");
for (const name of ["id", "class", "role", "aria-label"]) { graph.setAttribute(name, under.getAttribute(name)); under.removeAttribute(name); }
under.replaceWith(graph);
let extent = { left: 0, right: 0, height: 0 }, bands = [], zoomed = 1;
let unit = 0;
/** Pixels of the window for one of the picture, before zoom; asked once, because asking lays out the page. */
const rem = () => unit ||= parseFloat(getComputedStyle(page).fontSize) / 16;
const width = () => extent.left + extent.right + 2 * PAD, height = () => extent.height + 2 * PAD;

/** Put a body at its place; adds to `long` what may reach far (lines, frames) and to `boxes` the rest, each [element, top, bottom]. */
function put(level, x, y, long, boxes) {
  for (const { element, path } of level.lines) {
    element.setAttribute("d", path.map(([px, py], i) => `${i ? "L" : "M"}${x + px} ${y + py}`).join(""));
    const ys = path.map(point => point[1]);
    long.push([element, y + Math.min(...ys), y + Math.max(...ys)]);
  }
  for (const { element, x: cx, y: cy, dx, dy } of level.calls) long.push([fill(element, { x: x + cx + dx, y: y + cy + dy }, []), y + cy + dy - 10, y + cy + dy]);
  for (const { element, area: [a, b, c, d] } of level.regions) {
    element.setAttribute("transform", `translate(${x + a} ${y + b})`);
    fill($("rect", element), { width: c - a, height: d - b }, []);
    long.push([element, y + b, y + d]);
  }
  for (const box of level.boxes) {
    const left = x + box.tx + box.dx, top = y + box.ty + box.dy, frame = box.frame, now = box.now;
    box.element.setAttribute("transform", `translate(${left} ${top})`);
    boxes.push([box.element, top, top + (frame ? frame.head : now.h)]);
    if (!frame || !frame.open) continue;
    const axis = left + frame.width / 2;
    long.push([surround(frame, axis - now.l, axis + now.r, top, top + now.h), top, top + now.h]);
    put(frame.level, axis, top + frame.head, long, boxes);
  }
}

/** The border of an open frame: four lines, because only of straight ones the browser draws no more dashes than are seen. */
function surround(frame, left, right, top, bottom) {
  frame.border ||= s("g.grp", null, s("path"), s("path"), s("path"), s("path"));
  const lines = [`M${left} ${top}H${right}`, `M${left} ${bottom}H${right}`, `M${left} ${top}V${bottom}`, `M${right} ${top}V${bottom}`];
  lines.forEach((d, i) => frame.border.children[i].setAttribute("d", d));
  return frame.border;
}

/** Where bands end: between boxes, as soon as one is tall enough. */
function cutsBetween(boxes) {
  const cuts = [];
  let start = -PAD, reach = -PAD;
  for (const [, top, bottom] of [...boxes].sort((a, b) => a[1] - b[1])) {
    if (top - start > TALL && (top >= reach || top - start > 3 * TALL)) { start = (Math.max(start, Math.min(reach, top)) + top) / 2; cuts.push(start); }
    reach = Math.max(reach, bottom);
  }
  return cuts;
}

/** Find all places and put everything there; `whole` is for paper. */
function place(whole) {
  const focus = document.activeElement, long = [], boxes = [], beneath = [];
  extent = arrange(root);
  put(root, 0, 0, long, boxes);
  const cuts = whole || long.length + boxes.length < MANY ? [] : cutsBetween(boxes);
  const ends = [...cuts, extent.height + PAD];
  bands = cuts.length ? ends.map((end, i) => ({ top: i ? ends[i - 1] : -PAD, end, parts: [], cards: [], svg: s("svg.band") })) : [];
  for (const [element, top, end] of [...long, ...boxes]) {
    let at = 0, last = bands.length - 1;
    while (at < last) { const middle = at + last >> 1; if (ends[middle] <= top) at = middle + 1; else last = middle; }
    const band = bands[at];
    if (!band || end > band.end) beneath.push(element);
    else band.parts.push(element);
    if (!element.dataset.i) continue;
    if (band && end <= band.end) band.cards.push(element); else drawRows(element);
  }
  for (const { svg, parts, top, end } of bands) {
    svg.setAttribute("viewBox", `${-extent.left - PAD} ${top} ${width()} ${end - top}`);
    svg.append(...parts);
  }
  under.setAttribute("viewBox", `${-extent.left - PAD} ${-PAD} ${width()} ${height()}`);
  under.replaceChildren(arrows, ...beneath);
  graph.replaceChildren(under, ...bands.map(band => band.svg));
  if (focus !== document.activeElement && graph.contains(focus)) focus.focus({ preventScroll: true });
  if (bands.length) idle(drawMore);
}

/** Give the picture its size. */
function size() {
  const scale = zoomed * rem();
  graph.style.transform = graph.style.willChange = "";
  graph.style.width = under.style.width = Math.round(width() * scale) + "px";
  graph.style.height = under.style.height = Math.round(height() * scale) + "px";
  for (const { svg, top, end } of bands) {
    svg.style.top = (top + PAD) * scale + "px";
    svg.style.height = (end - top) * scale + "px";
  }
  $("#zoom").textContent = percent();
}

/** Draw the rows that are in view, or a screen away from it. */
function drawNear() {
  if (!bands.length) return;
  const scale = zoomed * rem(), tall = scroller.clientHeight / scale, at = scroller.scrollTop / scale - PAD;
  for (const band of bands) if (band.cards.length && band.top < at + 2 * tall && band.end > at - tall) band.cards.splice(0).forEach(drawRows);
}

const idle = window.requestIdleCallback || (call => setTimeout(() => { const end = performance.now() + 8; call({ timeRemaining: () => end - performance.now() }); }, 60));
/** Draw what is far away, a few rows at a time. */
function drawMore(deadline) {
  for (const band of bands) while (band.cards.length) {
    if (deadline.timeRemaining() < 3) return idle(drawMore);
    drawRows(band.cards.pop());
  }
}

addEventListener("beforeprint", () => { if (bands.length) place(true); });
addEventListener("afterprint", () => { place(); size(); drawNear(); });
