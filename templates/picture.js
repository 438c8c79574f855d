// The picture: moving is scrolling (wheel, touch, keys, drag), zooming is a size. Folds open in place: the inside was laid
// out with the page and waits in a template; opening one stretches its rank, so everything below moves down and
// everything beside it moves aside. All numbers come from attributes that renderer/drawing.py wrote.
const scroller = $(".scroll"), graph = $("#graph");
let root = $(".lv", graph);
const roots = { merged: root };
const PAD = 20, FRAME_PAD = 14;
const levels = new WeakMap();
const frames = new Map();
const ints = words => (words || "").split(" ").filter(Boolean).map(Number);

/** Where everything of one body stands when nothing was opened or closed. */
function read(element) {
  if (levels.has(element)) return levels.get(element);
  const ranks = [], flat = ints(element.dataset.r), [left, right, height] = ints(element.dataset.x);
  for (let i = 0; i < flat.length; i += 2) ranks.push([flat[i], flat[i + 1]]);
  const level = { element, ranks, left, right, height, boxes: [], lines: [], calls: [] };
  for (const child of element.children) {
    if (child.dataset.b) {
      const [x, l, r, tall, rank] = ints(child.dataset.b);
      const [tx, ty] = child.getAttribute("transform").match(/-?\d+/g).map(Number);
      const box = { element: child, x, l, r, tall, rank, tx, ty, frame: null };
      if (child.dataset.f) {
        const [head, width] = ints(child.dataset.f);
        box.frame = { id: child.id, element: child, head, width, open: child.classList.contains("open"), wasOpen: child.classList.contains("open"), level: null };
        frames.set(child.id, box.frame);
        if (box.frame.open) box.frame.level = read($(":scope > g > .lv", child));
      }
      level.boxes.push(box);
    } else if (child.dataset.e) level.lines.push({ element: child, ends: child.dataset.e.split(" "), points: null });
    else if (child.classList.contains("call")) level.calls.push({ element: child, x: Number(child.getAttribute("x")), y: Number(child.getAttribute("y")) });
  }
  levels.set(element, level);
  return level;
}

/** The corners of a path made of M, V and H. */
function corners(path) {
  const points = [];
  for (const [, letter, first, second] of path.matchAll(/([MVH])(-?\d+)(?: (-?\d+))?/g)) {
    const last = points[points.length - 1];
    points.push(letter === "M" ? [Number(first), Number(second)] : letter === "V" ? [last[0], Number(first)] : [Number(first), last[1]]);
  }
  return points;
}

/** Give every box and line of a body its place; returns how far the body reaches. */
function arrange(level) {
  const tall = level.ranks.map(() => 0), aside = [];
  for (const box of level.boxes) {
    const now = { l: box.l, r: box.r, h: box.tall };
    if (box.frame) {
      now.l = now.r = box.frame.width / 2; now.h = box.frame.head;
      if (box.frame.open) {
        const inside = arrange(box.frame.level);
        now.l = Math.max(now.l, inside.left + FRAME_PAD); now.r = Math.max(now.r, inside.right + FRAME_PAD); now.h += inside.height;
        fill($(":scope > .grp", box.element), { x: box.frame.width / 2 - now.l, width: now.l + now.r, height: now.h, rx: 6 }, []);
      }
      if (now.l > box.l || now.r > box.r) aside.push([box.x - box.l, Math.max(0, now.l - box.l), box.x + box.r, Math.max(0, now.r - box.r), box]);
    }
    box.now = now;
    tall[box.rank] = Math.max(tall[box.rank], now.h);
  }
  const grown = level.ranks.map(([, height], rank) => tall[rank] - height);
  const before = [0];
  for (const more of grown) before.push(before[before.length - 1] + more);
  const total = before[before.length - 1];
  const down = y => { let more = 0; level.ranks.forEach(([top, height], rank) => { if (top + height <= y) more = before[rank + 1]; }); return more; };
  const across = x => aside.reduce((sum, [left, moreLeft, right, moreRight]) => sum + (x >= right ? moreRight : x <= left ? -moreLeft : 0), 0);
  let left = level.left, right = level.right;
  for (const box of level.boxes) {
    box.dx = aside.reduce((sum, [a, moreLeft, b, moreRight, own]) => own === box ? sum : sum + (box.x - box.l >= b ? moreRight : box.x + box.r <= a ? -moreLeft : 0), 0);
    box.dy = before[box.rank];
    box.element.setAttribute("transform", `translate(${box.tx + box.dx} ${box.ty + box.dy})`);
    left = Math.max(left, box.now.l - box.x - box.dx); right = Math.max(right, box.x + box.dx + box.now.r);
  }
  for (const line of level.lines) {
    line.points ||= corners(line.element.getAttribute("d"));
    const [from, to, side] = line.ends, source = level.boxes[from], target = level.boxes[to];
    const path = run(line.points, source, target, side, across, down, total);
    line.element.setAttribute("d", path.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join(""));
    line.top = Math.min(...path.map(point => point[1])); line.bottom = Math.max(...path.map(point => point[1]));
    for (const [x] of path) { left = Math.max(left, -x); right = Math.max(right, x); }
  }
  for (const call of level.calls) fill(call.element, { x: call.x + across(call.x), y: call.y + down(call.y) }, []);
  return { left, right, height: level.height + total };
}

/** One line after boxes moved: its ends go with their boxes, its corners with the lanes they stand in. */
function run(points, source, target, side, across, down, total) {
  const moved = points.map(([x, y]) => [x + across(x), y + down(y)]);
  const first = points[0][0], last = points[points.length - 1][0];
  if (source) {
    for (let i = 0; i < points.length && points[i][0] === first; i++) moved[i][0] = first + source.dx;
    moved[0][1] = points[0][1] + source.dy + source.now.h - source.tall;
  } else moved[0][1] = points[0][1];
  if (target && side) {
    const lane = points[points.length - 2][0], reach = target.dx + (target.frame ? target.now.r - target.r : 0);
    for (let i = points.length - 2; i > 0 && points[i][0] === lane; i--) { moved[i][0] = lane + reach; }
    moved[moved.length - 1] = [last + reach, points[points.length - 1][1] + target.dy];
    moved[moved.length - 2][1] = points[points.length - 2][1] + target.dy;
  } else {
    const shift = target ? target.dx : 0;
    if (first !== last || (source ? source.dx : 0) === shift) {
      for (let i = points.length - 1; i >= 0 && points[i][0] === last && (first !== last || i === points.length - 1); i--) moved[i][0] = last + shift;
    } else {
      const [x, y] = moved[moved.length - 1];
      moved.splice(moved.length - 1, 1, [x - across(last) + (source ? source.dx : 0), y - 14], [last + shift, y - 14], [last + shift, y]);
    }
    moved[moved.length - 1][1] = target ? points[points.length - 1][1] + target.dy : points[points.length - 1][1] + total;
  }
  return moved;
}

// Rows behind a fold are not in the page twice: they are drawn from the report's words when it opens, as drawing.py does.
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

function drawRows(card) {
  const [total, ...list] = card.dataset.i.split(" "), across = Number(total), font = fonts(), shapes = [];
  let y = 0, rules = "";
  for (const item of list) {
    const layer = layers[parseInt(item, 10)], tall = item.endsWith("+"), high = tall ? 46 : 26, status = statusOf(layer), kind = CLASS[status];
    const start = compares ? 36 : 12, end = across - 10, room = end - start, top = tall ? 19 : 17;
    const about = [text(layer.c), tall ? text(layer.u) : text(layer.h)].filter(Boolean).map(visible).join(" · ") || plain(layer.f);
    const name = visible(layer.n), old = visible(layer.o || ""), arrow = old && " → ", figure = plain(layer.f), shape = tall ? text(layer.h) : "";
    const beside = Math.max(room - wide(name, font.mono) - 6, room * .45);
    const right = tall ? figure : wide(about, font.sans) <= beside ? about : cut(visible(text(layer.c)), font.sans, beside);
    const left = room - wide(right, font.sans) * (tall ? 1.08 : 1) - 6;
    const oldCut = old && wide(old + arrow + name, font.mono) > left ? cut(old, font.mono, Math.max(left - wide(arrow + name, font.mono), left * .3), true) : old;
    const nameCut = cut(name, font.mono, left - wide(oldCut + arrow, font.mono), true);
    const lower = tall ? cut(about, font.sans, room - wide(shape, font.sans) - 6) : "";
    const parts = [s("rect.b", { width: across, height: high })];
    if (status !== "unchanged") parts.push(s("path.gut", { d: `M0 0h26v${high}H0z` }), s("text.sg", { x: 13, y: high / 2 + 5, "aria-hidden": "true" }, data.signs[layer.s]));
    parts.push(s("text.nm", { x: start, y: top }, ...(old ? [s("tspan.o", null, oldCut), s("tspan.o.w", null, arrow), s("tspan.w", null, nameCut)] : [nameCut])));
    if (right) parts.push(s(tall ? "text.val" : "text.end", { x: end, y: top }, right));
    if (lower) parts.push(s("text", { x: start, y: 36 }, lower));
    if (shape) parts.push(s("text.end", { x: end, y: 36 }, shape));
    if (nameCut !== name || oldCut !== old || (tall ? lower : right) !== about) parts.unshift(s("title", null, `${old}${arrow}${name}: ${status === "unchanged" ? "" : status + " · "}${about}`));
    shapes.push(s(`a.r.${kind}`, { href: "#" + layer.a, transform: `translate(0 ${y})`, ...(status === "unchanged" ? { tabindex: -1 } : {}) }, ...parts));
    y += high;
    rules += item === list[list.length - 1] ? "" : `M0 ${y - .5}h${across}`;
  }
  const box = kind => s(`rect.${kind}`, { width: across, height: y, rx: 4 });
  card.append(box("bg"), compares ? s("path.well", { d: `M0 0h26v${y}H0z` }) : "", ...shapes, s("path.rule", { d: rules }), box("frame"));
  card.removeAttribute("data-i");
}

let zoomed = 1, extent = { left: 0, right: 0, height: 0 };
let unit = 0;
/** Pixels of the window for one of the picture, before zoom; asked once, because asking lays out the page. */
const rem = () => unit ||= parseFloat(getComputedStyle(page).fontSize) / 16;
const width = () => extent.left + extent.right + 2 * PAD, height = () => extent.height + 2 * PAD;

function place() {
  extent = arrange(read(root));
  graph.setAttribute("viewBox", `${-extent.left - PAD} ${-PAD} ${width()} ${height()}`);
  collect();
  size();
}

function size() {
  measure();
  graph.setAttribute("width", Math.round(width() * zoomed * rem())); graph.setAttribute("height", Math.round(height() * zoomed * rem()));
  $("#zoom").textContent = Math.round(zoomed * 100) + " %";
  culled = null;
  cull();
  overview();
}

function zoom(to, x = scroller.clientWidth / 2, y = scroller.clientHeight / 2) {
  const was = zoomed;
  zoomed = Math.min(3, Math.max(.05, to));
  const left = (scroller.scrollLeft + x) * zoomed / was - x, top = (scroller.scrollTop + y) * zoomed / was - y;
  size();
  scroller.scrollTo(left, top);
}

/** Fit the width, or the whole picture. */
function fit(all) {
  if (!scroller.clientWidth) return;
  const across = scroller.clientWidth / (width() * rem()), down = (scroller.clientHeight - 2) / (height() * rem());
  zoomed = all ? Math.min(1, across, down) : Math.max(innerWidth < 720 ? .8 : .5, Math.min(1, across));
  size();
  if (!all) scroller.scrollLeft = (extent.left + PAD) * zoomed * rem() - scroller.clientWidth / 2;
}

// Thousands of open rows would make every step of a scroll slow: what is more than a screen away is not displayed.
const MANY = 700;
// What is seen is measured while the page is laid out anyway: to ask after folds opened would lay all their rows out once.
const port = { top: 0, tall: 0 };
const measure = () => { port.top = scroller.scrollTop; port.tall = scroller.clientHeight; };
let items = [], culled = null;
function collect() {
  for (const [element] of items) element.style.display = "";
  items = []; culled = null;
  const walk = (level, y) => {
    for (const line of level.lines) items.push([line.element, y + line.top, y + line.bottom]);
    for (const box of level.boxes) {
      const top = y + box.ty + box.dy;
      if (box.frame && box.frame.open) walk(box.frame.level, top + box.frame.head); else items.push([box.element, top, top + box.now.h]);
    }
  };
  walk(read(root), 0);
  if (items.length < MANY) items = [];
  cull();
}
function cull(all) {
  const scale = zoomed * rem(), tall = port.tall / scale, at = port.top / scale;
  if (!items.length || (!all && culled !== null && Math.abs(at - culled) < tall / 2)) return;
  culled = all ? null : at;
  for (const item of items) {
    const shown = all || (item[1] < at + 2.5 * tall && item[2] > at - 1.5 * tall) ? "" : "none";
    if (item[3] !== shown) { item[0].style.display = shown; item[3] = shown; }
  }
}
addEventListener("beforeprint", () => cull(true));
addEventListener("afterprint", () => cull());

/** Open or close one frame without drawing anew. */
function turn(frame, open) {
  if (frame.open === open) return;
  frame.open = open;
  const element = frame.element, template = $(`#in-${CSS.escape(frame.id)}`);
  if (open && !frame.level) {
    const inside = s("g.in", { transform: `translate(${frame.width / 2} ${frame.head})` }, template.content.firstElementChild.firstElementChild.cloneNode(true));
    element.append(inside);
    for (const card of $$("[data-i]", inside)) drawRows(card);
    frame.level = read(inside.firstElementChild);
  }
  const inside = frame.level.element.parentNode;
  if (open) element.append(inside); else inside.remove();
  element.classList.toggle("open", open);
  $(":scope > .tg", element).setAttribute("aria-expanded", String(open));
}

/** Open or close a frame by hand: what was under the pointer stays there. */
function toggle(frame, open = !frame.open) {
  const head = $(":scope > .tg", frame.element), was = head.getBoundingClientRect();
  turn(frame, open);
  place();
  const now = head.getBoundingClientRect();
  scroller.scrollBy(now.left - was.left, now.top - was.top);
  refresh();
}

const ROWS = 2500;
/** Open every fold, as many as stay smooth; or go back to the folds of the start. */
function openAll(open) {
  let rows = $$(".r", graph).length;
  const waiting = [...frames.values()].filter(frame => sideOf(frame.id) === side);
  for (const frame of waiting) {
    if (open && rows + data.frames[frame.id][1].length > ROWS) continue;
    if (open && !frame.open) rows += data.frames[frame.id][1].length;
    const known = frames.size;
    turn(frame, open || frame.wasOpen);
    if (open && frames.size > known) waiting.push(...[...frames.values()].slice(known));
  }
  place();
  $("#limit").textContent = open && rows < layers.length ? `${number(rows)} of ${number(layers.length)} layers; open a fold for more` : "";
}

/** The picture of both sides, or the old or the new one alone, which is put in when it is first wanted. */
let side = "merged";
const sideOf = id => id.startsWith("old") ? "old" : id.startsWith("new") ? "new" : "merged";
function setSide(name) {
  if (!roots[name]) {
    roots[name] = $(`#in-${name}`).content.firstElementChild.firstElementChild.cloneNode(true);
    for (const card of $$("[data-i]", roots[name])) drawRows(card);
  }
  if (side === name) return;
  side = name;
  root.replaceWith(roots[name]);
  root = roots[name];
  read(root);
}

/** Open whatever is closed around a layer. */
const around = { merged: new Map(), old: new Map(), new: new Map() };
for (const [id, [, inside]] of Object.entries(data.frames)) for (const index of inside) around[sideOf(id)].set(index, id);
function reveal(index) {
  const chain = [];
  for (let id = around[side].get(index); id && id !== side; id = data.frames[id][0]) chain.unshift(id);
  let changed = false;
  for (const id of chain) if (!frames.get(id).open) { turn(frames.get(id), true); changed = true; }
  if (changed) place();
}

const rowOf = address => $(`a.r[href="#${CSS.escape(address)}"]`, graph) || $$("a.r", graph).find(row => row.getAttribute("href") === "#" + address);

/** Bring a row into view across, only if it is not. */
function aside(row) {
  const a = $(".b", row).getBoundingClientRect(), b = scroller.getBoundingClientRect();
  if (a.left < b.left || a.right > b.right) scroller.scrollLeft += (a.left + a.right) / 2 - (b.left + b.right) / 2;
}

/** Draw the ring around the chosen row, inside it, so that no neighbour covers it. */
const ring = s("rect.ring", { rx: 3, "aria-hidden": "true" });
function circle(row) {
  ring.remove();
  if (!row) return;
  const box = $(".b", row);
  row.append(fill(ring, { x: 1.5, y: 1.5, width: box.getAttribute("width") - 3, height: box.getAttribute("height") - 3 }, []));
}

/** Bring a row into view, only if it is not. */
function show(row) {
  row.closest("[data-b]").style.display = "";
  const a = $(".b", row).getBoundingClientRect(), b = scroller.getBoundingClientRect();
  if (a.top < b.top + 24 || a.bottom > b.bottom - 48) scroller.scrollTop += a.top - b.top - b.height * .42;
  aside(row);
  culled = null;
  for (const item of items) item[3] = undefined;
  measure();
  cull();
}

let drag = null, dragged = false;
scroller.addEventListener("pointerdown", event => {
  if (event.button || event.pointerType !== "mouse") return;
  drag = [event.clientX, event.clientY, scroller.scrollLeft, scroller.scrollTop]; dragged = false;
});
addEventListener("pointermove", event => {
  if (!drag) return;
  const dx = event.clientX - drag[0], dy = event.clientY - drag[1];
  if (dragged || Math.abs(dx) + Math.abs(dy) > 4) { dragged = true; scroller.classList.add("drag"); scroller.scrollTo(drag[2] - dx, drag[3] - dy); }
});
addEventListener("pointerup", () => { drag = null; scroller.classList.remove("drag"); });
scroller.addEventListener("click", event => { if (dragged) { event.preventDefault(); event.stopPropagation(); dragged = false; } }, true);
scroller.addEventListener("dragstart", event => event.preventDefault());
scroller.addEventListener("wheel", event => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const box = scroller.getBoundingClientRect();
  zoom(zoomed * Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
graph.addEventListener("click", event => { const head = event.target.closest(".tg"); if (head) toggle(frames.get(head.parentNode.id)); });
graph.addEventListener("keydown", event => {
  const head = event.target.closest(".tg");
  if (head && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); toggle(frames.get(head.parentNode.id)); }
});
