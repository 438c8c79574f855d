// Where everything in the picture stands. Folds open in place: the inside was laid out with the page and waits in a
// template; opening one stretches its rank, so everything below moves down and everything beside it moves aside. All
// numbers come from attributes that renderer/drawing.py wrote; nothing here touches what is displayed.
const PAD = 20, FRAME_PAD = 14;
const frames = new Map();
/** Cards whose rows are not drawn yet, by the number of each layer in them. */
const undrawn = { merged: new Map(), old: new Map(), new: new Map() };
const ints = words => (words || "").split(" ").filter(Boolean).map(Number);

/** Where everything of one body stands when nothing was opened or closed. */
function read(element) {
  const ranks = [], flat = ints(element.dataset.r), [left, right, height] = ints(element.dataset.x);
  for (let i = 0; i < flat.length; i += 2) ranks.push([flat[i], flat[i + 1]]);
  const level = { ranks, left, right, height, boxes: [], lines: [], calls: [], regions: [] };
  for (const child of element.children) {
    if (child.dataset.b) {
      const [x, l, r, tall, rank] = ints(child.dataset.b);
      const [tx, ty] = child.getAttribute("transform").match(/-?\d+/g).map(Number);
      const box = { element: child, x, l, r, tall, rank, tx, ty, frame: null, rows: null };
      if (child.dataset.f) {
        const [head, width] = ints(child.dataset.f);
        const open = child.classList.contains("open"), inside = $(":scope > g > .lv", child);
        box.frame = { id: child.id, element: child, border: null, head, width, open, wasOpen: open, level: null };
        frames.set(child.id, box.frame);
        $(":scope > .grp", child).remove();
        if (open) { box.frame.level = read(inside); inside.parentNode.remove(); }
      } else box.rows = rowsIn(child);
      level.boxes.push(box);
    } else if (child.dataset.e) level.lines.push({ element: child, ends: child.dataset.e.split(" "), points: null });
    else if (child.classList.contains("call")) level.calls.push({ element: child, x: Number(child.getAttribute("x")), y: Number(child.getAttribute("y")) });
    else if (child.dataset.g) {
      const [x, y] = child.getAttribute("transform").match(/-?\d+/g).map(Number), rect = $("rect", child);
      level.regions.push({ element: child, boxes: ints(child.dataset.g), rest: [x, y, x + Number(rect.getAttribute("width")), y + Number(rect.getAttribute("height"))] });
    }
  }
  return level;
}

/** Top, height and class of each row of a card, drawn or not. */
function rowsIn(card) {
  if (!card.dataset.i) return $$(":scope > .r", card).map(row => [Number(/ (\d+)/.exec(row.getAttribute("transform"))?.[1] || 0), Number($(".b", row).getAttribute("height")), row.classList[1]]);
  let top = 0;
  return card.dataset.i.split(" ").slice(1).map(item => {
    const index = parseInt(item, 10), high = item.endsWith("+") ? 46 : 26;
    undrawn[side].set(index, card);
    return [(top += high) - high, high, CLASS[statusOf(layers[index])]];
  });
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

/** How far wider frames push what is to the right (`way` 1) or the left (-1) of them: what stands below another pushes no second time. */
function pushes(wider, way) {
  if (!wider.length) return () => 0;
  const near = box => way > 0 ? box.x - box.l : -box.x - box.r, far = box => way > 0 ? box.x + box.r : box.l - box.x;
  const steps = [], at = x => { let most = 0; for (const [edge, push] of steps) if (edge <= x) most = Math.max(most, push); return most; };
  for (const box of [...wider].sort((a, b) => far(a) - far(b))) steps.push([far(box), at(near(box)) + Math.max(0, way > 0 ? box.now.r - box.r : box.now.l - box.l)]);
  return x => at(way * x);
}

/** Find the place of every box and line of a body; returns how far the body reaches. */
function arrange(level) {
  const tall = level.ranks.map(() => 0), wider = [];
  for (const box of level.boxes) {
    const now = { l: box.l, r: box.r, h: box.tall };
    if (box.frame) {
      now.l = now.r = box.frame.width / 2; now.h = box.frame.head;
      if (box.frame.open) {
        const inside = arrange(box.frame.level);
        now.l = Math.max(now.l, inside.left + FRAME_PAD); now.r = Math.max(now.r, inside.right + FRAME_PAD); now.h += inside.height;
      }
      if (now.l > box.l || now.r > box.r) wider.push(box);
    }
    box.now = now;
    tall[box.rank] = Math.max(tall[box.rank], now.h);
  }
  const grown = level.ranks.map(([, height], rank) => tall[rank] - height);
  const before = [0];
  for (const more of grown) before.push(before[before.length - 1] + more);
  const total = before[before.length - 1];
  const down = y => { let more = 0; level.ranks.forEach(([top, height], rank) => { if (top + height <= y) more = before[rank + 1]; }); return more; };
  const toRight = pushes(wider, 1), toLeft = pushes(wider, -1), across = x => toRight(x) - toLeft(x);
  let left = level.left, right = level.right;
  for (const box of level.boxes) {
    box.dx = toRight(box.x - box.l) - toLeft(box.x + box.r);
    box.dy = before[box.rank];
    left = Math.max(left, box.now.l - box.x - box.dx); right = Math.max(right, box.x + box.dx + box.now.r);
  }
  for (const line of level.lines) {
    line.points ||= corners(line.element.getAttribute("d"));
    const [from, to, side] = line.ends, source = level.boxes[from], target = level.boxes[to];
    const path = run(line.points, source, target, side, across, down, total);
    line.path = path;
    for (const [x] of path) { left = Math.max(left, -x); right = Math.max(right, x); }
  }
  for (const region of level.regions) {
    const own = region.boxes.map(index => level.boxes[index]), around = edges => [0, 1, 2, 3].map(at => Math[at < 2 ? "min" : "max"](...own.map(box => edges(box)[at])));
    const was = around(box => [box.x - box.l, box.ty, box.x + box.r, box.ty + box.tall]);
    const now = around(box => [box.x + box.dx - box.now.l, box.ty + box.dy, box.x + box.dx + box.now.r, box.ty + box.dy + box.now.h]);
    region.area = region.rest.map((edge, at) => edge + now[at] - was[at]);
    left = Math.max(left, -region.area[0]); right = Math.max(right, region.area[2]);
  }
  for (const call of level.calls) { call.dx = across(call.x); call.dy = down(call.y); }
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
