// Two small maps of everything: beside the picture where things stand, below it how far each layer moved.
const canvas = $("#mini"), map = { scale: 1, x: 0, still: document.createElement("canvas") };

/** Draw the map: one bar per row, in the colour of its status. */
function overview() {
  const wide = canvas.clientWidth, tall = canvas.clientHeight;
  if (!wide || !extent.height) return;
  const ratio = devicePixelRatio || 1;
  map.still.width = canvas.width = wide * ratio; map.still.height = canvas.height = tall * ratio;
  map.ratio = ratio;
  map.scale = Math.min((wide - 8) / width(), (tall - 12) / height());
  map.x = (wide - width() * map.scale) / 2;
  const pen = map.still.getContext("2d"), style = getComputedStyle(page), colours = new Map();
  const colour = name => { if (!colours.has(name)) colours.set(name, style.getPropertyValue(name)); return colours.get(name); };
  map.accent = colour("--accent");
  const BARS = { add: "--add", del: "--del", chg: "--bar", ren: "--ren", mov: "--mov", same: "--line-2" };
  pen.setTransform(ratio * map.scale, 0, 0, ratio * map.scale, ratio * map.x, ratio * 6);
  const least = 1.5 / map.scale;
  const paint = (level, ox, oy) => {
    for (const box of level.boxes) {
      const x = ox + box.tx + (box.dx || 0), y = oy + box.ty + (box.dy || 0);
      if (box.frame) {
        pen.fillStyle = colour("--line");
        const mid = x + box.frame.width / 2;
        pen.fillRect(mid - box.now.l, y, box.now.l + box.now.r, Math.max(box.frame.open ? box.now.h : box.frame.head, least));
        if (box.frame.open) paint(box.frame.level, mid, y + box.frame.head);
        continue;
      }
      for (const [top, high, kind] of box.rows) { pen.fillStyle = colour(BARS[kind]); pen.fillRect(x, y + top, box.l + box.r, Math.max(high * .86, least)); }
    }
  };
  paint(root, extent.left + PAD, PAD);
  frame();
}

/** The part of the picture that is in view, drawn on the map: an element moved over it would cost twice a frame's time. */
function frame() {
  if (!map.still.width || !canvas.clientWidth) return;
  const scale = map.scale / (zoomed * rem()), wide = Math.min(scroller.clientWidth, graph.clientWidth || Infinity), tall = scroller.clientHeight;
  const pen = canvas.getContext("2d"), left = Math.max(1, map.x + scroller.scrollLeft * scale), across = canvas.clientWidth - 2;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(map.still, 0, 0);
  pen.setTransform(map.ratio, 0, 0, map.ratio, 0, 0);
  pen.strokeStyle = map.accent;
  pen.lineWidth = 1.5;
  pen.strokeRect(Math.min(left, across), 6 + scroller.scrollTop * scale, Math.min(across - Math.min(left, across) + .5, wide * scale), Math.max(6, Math.min(canvas.clientHeight - 8, tall * scale)));
}

let waiting = false;
scroller.addEventListener("scroll", () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; drawNear(); frame(); }); } }, { passive: true });
const goThere = event => {
  const box = canvas.getBoundingClientRect(), scale = zoomed * rem() / map.scale;
  scroller.scrollTo((event.clientX - box.left - map.x) * scale - scroller.clientWidth / 2, (event.clientY - box.top - 6) * scale - scroller.clientHeight / 2);
};
canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); goThere(event); });
canvas.addEventListener("pointermove", event => { if (event.buttons) goThere(event); });

// The strip: a slider over all layers in graph order.
const strip = $("#strip"), say = $("#strip-say");
const told = index => {
  const layer = layers[index], status = statusOf(layer), far = distance(layer.d);
  const own = compares ? far || (status === "unchanged" ? "no weights" : status) : layer.q ? `${number(layer.q[1] ?? layer.q[0])} parameters` : layer.f ? `${plain(layer.f)} parameters inside` : "no parameters";
  return `${visible(path(layer))}: ${own}${layer.z ? ", frozen" : ""}`;
};
const mark = (kind, index) => fill($(`.${kind}`, strip), { x: index ?? 0, width: index === null ? 0 : 1 }, []);
if (strip) {
  const at = event => { const box = strip.getBoundingClientRect(); return Math.max(0, Math.min(layers.length - 1, Math.floor((event.clientX - box.left) / box.width * strip.dataset.count))); };
  fill(strip, { tabindex: 0, role: "slider", "aria-label": $("h2", strip.parentNode).textContent, "aria-valuemin": 0, "aria-valuemax": layers.length - 1, "aria-valuenow": 0 }, []);
  $("svg", strip).setAttribute("aria-hidden", "true");
  strip.addEventListener("click", event => choose(layers[at(event)].a));
  strip.addEventListener("pointermove", event => { mark("hover", at(event)); say.textContent = told(at(event)); });
  strip.addEventListener("pointerleave", () => { mark("hover", null); say.textContent = strip.dataset.note; });
  strip.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -layers.length, End: layers.length }[event.key];
    if (!step) return;
    event.preventDefault(); event.stopPropagation();
    const now = chosen() ?? (step > 0 ? -1 : layers.length);
    choose(layers[Math.max(0, Math.min(layers.length - 1, now + step))].a);
  });
}
