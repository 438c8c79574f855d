// The picture: moving is scrolling (wheel, touch, keys, drag, the small map), zooming is a size.
let root;
const roots = {};
const LEGIBLE = .7;

// While the wheel turns, what is drawn is only stretched; once it rests, everything gets its true size.
let stretch = null;
function zoom(to, x = scroller.clientWidth / 2, y = scroller.clientHeight / 2) {
  const was = zoomed, wide = scroller.clientWidth, tall = scroller.clientHeight;
  stretch ||= { from: was, left: scroller.scrollLeft, top: scroller.scrollTop, x: graph.offsetLeft - scroller.scrollLeft, y: -scroller.scrollTop, rest: 0 };
  zoomed = Math.min(3, Math.max(.05, to));
  const across = width() * zoomed * rem(), down = height() * zoomed * rem(), within = (at, most) => Math.max(0, Math.min(at, most));
  stretch.left = within((stretch.left + x) * zoomed / was - x, across - wide);
  stretch.top = within((stretch.top + y) * zoomed / was - y, down - tall);
  graph.style.willChange = "transform";
  graph.style.transform = `translate(${Math.max(0, (wide - across) / 2) - stretch.left - stretch.x}px, ${-stretch.top - stretch.y}px) scale(${zoomed / stretch.from})`;
  $("#zoom").textContent = percent();
  clearTimeout(stretch.rest);
  stretch.rest = setTimeout(settle, 160);
}
const percent = () => Math.round(zoomed * 100) + " %";

/** Give what was stretched its true size and place. */
function settle() {
  if (!stretch) return;
  const { left, top, rest } = stretch;
  clearTimeout(rest);
  stretch = null;
  size();
  scroller.scrollTo(left, top);
  drawNear();
  frame();
}
function zoomBy(factor) { zoom(zoomed * factor); settle(); }

/** Fit the width as long as it can be read, or the whole picture. */
function fit(all) {
  if (!scroller.clientWidth) return;
  settle();
  const across = scroller.clientWidth / (width() * rem()), down = (scroller.clientHeight - 2) / (height() * rem());
  zoomed = all ? Math.min(1, across, down) : across < LEGIBLE ? .85 : Math.min(1, across);
  size();
  if (!all) scroller.scrollLeft = (extent.left + PAD) * zoomed * rem() - scroller.clientWidth / 2;
  drawNear();
  overview();
}

const bodyOf = name => document.adoptNode($(`#in-${CSS.escape(name)}`).content.firstElementChild.firstElementChild);
/** Open or close one frame without placing anything. */
function turn(frame, open) {
  if (frame.open === open) return;
  frame.open = open;
  frame.level ||= read(bodyOf(frame.id));
  frame.element.classList.toggle("open", open);
  $(":scope > .tg", frame.element).setAttribute("aria-expanded", String(open));
}

/** Open or close a frame by hand: what was under the pointer stays there. */
function toggle(frame, open = !frame.open) {
  const head = $(":scope > .tg", frame.element), was = head.getBoundingClientRect();
  turn(frame, open);
  place();
  size();
  const now = head.getBoundingClientRect();
  scroller.scrollBy(now.left - was.left, now.top - was.top);
  drawNear();
  overview();
  refresh();
}

const ROWS = 6000;
/** Open every fold, as far as memory allows; or go back to the folds of the start. */
function openAll(open) {
  const inside = id => contents[id] ? contents[id][1].length : 0;
  let rows = inside(side === "merged" ? "" : side);
  const closed = [...frames.values()].filter(frame => sideOf(frame.id) === side);
  for (const frame of closed) {
    if (open && !frame.open && rows + inside(frame.id) > ROWS) continue;
    rows += inside(frame.id);
    const known = frames.size;
    turn(frame, open || frame.wasOpen);
    if (open && frames.size > known) closed.push(...[...frames.values()].slice(known));
  }
  place();
  $("#limit").textContent = open && rows < layers.length ? `${number(rows)} of ${number(layers.length)} layers; open a fold for more` : "";
}

/** The picture of both sides, or the old or the new one alone, which is put in when it is first wanted. */
let side = "merged";
const sideOf = id => id.startsWith("old") ? "old" : id.startsWith("new") ? "new" : "merged";
function setSide(name) {
  side = name;
  root = roots[name] ||= read(name === "merged" ? $(".lv", under) : bodyOf(name));
}

/** Open whatever is closed around a layer. */
const around = { merged: new Map(), old: new Map(), new: new Map() };
for (const [id, [, inside]] of Object.entries(contents)) for (const index of inside) around[sideOf(id)].set(index, id);
function reveal(index) {
  const chain = [];
  for (let id = around[side].get(index); id && id !== side; id = contents[id][0]) chain.unshift(id);
  let changed = false;
  for (const id of chain) if (!frames.get(id).open) { turn(frames.get(id), true); changed = true; }
  if (changed) { place(); size(); overview(); }
}

/** The drawn row of an address; if it is yet to be drawn, it is now. */
function rowOf(address) {
  const card = undrawn[side].get(numbers.get(address));
  if (card && graph.contains(card)) drawRows(card);
  return $(`a.r[href="#${CSS.escape(address)}"]`, graph) || $$("a.r", graph).find(row => row.getAttribute("href") === "#" + address);
}

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
  const a = $(".b", row).getBoundingClientRect(), b = scroller.getBoundingClientRect();
  if (a.top < b.top + 24 || a.bottom > b.bottom - 48) scroller.scrollTop += a.top - b.top - b.height * .42;
  aside(row);
}

let drag = null, dragged = false;
scroller.addEventListener("pointerdown", event => {
  settle();
  if (event.button || event.pointerType !== "mouse") return;
  drag = [event.clientX, event.clientY, scroller.scrollLeft, scroller.scrollTop]; dragged = false;
});
addEventListener("pointermove", event => {
  if (!drag) return;
  const dx = event.clientX - drag[0], dy = event.clientY - drag[1];
  if (dragged || Math.abs(dx) + Math.abs(dy) > 4) { dragged = true; scroller.parentNode.classList.add("drag"); scroller.scrollTo(drag[2] - dx, drag[3] - dy); }
});
addEventListener("pointerup", () => { drag = null; scroller.parentNode.classList.remove("drag"); });
scroller.addEventListener("click", event => { if (dragged) { event.preventDefault(); event.stopPropagation(); dragged = false; } }, true);
for (const kind of ["dragstart", "selectstart"]) scroller.addEventListener(kind, event => { if (drag) event.preventDefault(); });
scroller.addEventListener("wheel", event => {
  if (!event.ctrlKey && !event.metaKey) return settle();
  event.preventDefault();
  const box = scroller.getBoundingClientRect();
  zoom(zoomed * Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
graph.addEventListener("click", event => { const head = event.target.closest(".tg"); if (head) toggle(frames.get(head.parentNode.id)); });
graph.addEventListener("keydown", event => {
  const head = event.target.closest(".tg");
  if (head && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); toggle(frames.get(head.parentNode.id)); }
});
