// One state, and every pane renders from it: what is chosen is the address, what is filtered is in the controls. So quick
// choices in a row cannot leave one pane behind, and back, forward and a pasted link need no code of their own.
const main = $("main"), search = $("#q"), rowsPane = $("#rows"), panelPane = $("#panel");
for (const list of $$("ul[data-more]")) list.append(...ints(list.dataset.more).map(listRow));
const rows = $$(".it");
const layerOf = row => numbers.get(row.getAttribute("href").slice(1));
const rowByLayer = new Map(rows.map(row => [layerOf(row), row]));
const others = $("#others");
let found = []; // unchanged layers that the search names

const searched = [];
/** All that is written of a layer in one text: names, class, values, shape, and what happened to it. */
function said(index) {
  const { o, c, u, h: shape, f, l = [], w = [], t = [] } = layers[index];
  return searched[index] ??= [visible(path(layers[index])), visible(o ?? ""), text(c), text(u), text(shape), ...[f, ...l, ...w, ...t.map(tensor => tensor[5])].map(plain)].join("\n").toLowerCase();
}

/** The chosen layer's number, or null. */
function chosen() {
  const address = location.hash.slice(1), index = numbers.get(address) ?? numbers.get(again(address));
  return index === undefined ? null : index;
}
/** Browsers and mail programs write some characters of an address their own way. */
function again(address) {
  const cut = address.indexOf("=");
  try { return address.slice(0, cut + 1) + encodeURIComponent(decodeURIComponent(address.slice(cut + 1))).replace(/%2F/g, "/").replace(/[!'()*]/g, char => "%" + char.charCodeAt(0).toString(16).toUpperCase()); } catch { return address; }
}
const choose = address => { location.hash = address; render(true); };
let rendered = null, from = "list";
const which = $$(".which").map(label => [label, label.textContent]);
const narrow = () => innerWidth < 720;

/** Show the chosen layer everywhere. */
function render(byReader) {
  const index = chosen();
  rendered = location.hash;
  for (const element of $$(".on, [aria-current]")) { element.classList.remove("on"); element.removeAttribute("aria-current"); }
  if (strip) { mark("mark", index); fill(strip, { "aria-valuenow": index ?? 0, "aria-valuetext": index === null ? "nothing chosen" : told(index) }, []); }
  $$("article", panelPane).forEach(article => article.remove());
  $("#overview").hidden = index !== null;
  $("#leave").hidden = index === null;
  for (const [label, words] of which) label.textContent = index === null ? words : "Layer";
  $("#lost").hidden = index !== null || !/^#(layer|old)=/.test(location.hash);
  if (index === null) { $("#say").textContent = $("#lost").hidden ? "" : $("#lost").textContent; circle(null); if (byReader && narrow() && main.dataset.pane === "insp") pane(from); return; }
  panelPane.append(panel(index));
  panelPane.scrollTop = 0;
  $("#say").textContent = `${visible(layers[index].n)}, ${statusOf(layers[index])}`;
  const row = rowByLayer.get(index) || $$(".it", others).find(other => layerOf(other) === index);
  if (row) {
    row.setAttribute("aria-current", "true");
    intoList(row);
    requestAnimationFrame(() => intoList(row)); // rows far away have their true height only once they are near
  }
  reveal(index);
  const box = rowOf(layers[index].a);
  circle(box);
  if (box) { box.classList.add("on"); if (scroller.clientWidth) show(box); }
  if (byReader && narrow()) { if (main.dataset.pane !== "insp") from = main.dataset.pane; pane("insp", true); }
  else if (byReader && panelPane.getBoundingClientRect().top > innerHeight - 160) scrollTo(0, main.getBoundingClientRect().top + scrollY); // the panel stands under the picture
}

/** Bring a row of the list into view, only if it is not, and without moving the page. */
function intoList(row) {
  if (rowsPane.scrollHeight <= rowsPane.clientHeight + 1) return;
  const a = row.getBoundingClientRect(), b = rowsPane.getBoundingClientRect();
  if (a.top < b.top + 32) rowsPane.scrollTop += a.top - b.top - 32; else if (a.bottom > b.bottom) rowsPane.scrollTop += a.bottom - b.bottom + 8;
}

/** What the picture dims, after folds opened or filters changed. */
function refresh() {
  const index = chosen(), box = index === null ? null : rowOf(layers[index].a);
  for (const element of $$(".on", graph)) element.classList.remove("on");
  if (box) box.classList.add("on");
  circle(box);
  const were = lit;
  lit = filtering() ? new Set([...rows.filter(row => !row.parentNode.hidden).map(row => row.getAttribute("href")), ...found.map(each => "#" + layers[each].a)]) : null;
  if (were || lit) for (const row of $$("a.r", graph)) row.classList.toggle("dim", lit !== null && !lit.has(row.getAttribute("href")));
}

// Filters: statuses are alternatives, impacts narrow them, words narrow the rest.
const pressed = kind => $$(`.chip[data-${kind}][aria-pressed="true"]`).map(chip => chip.dataset[kind]);
const filtering = () => Boolean($('.chip[aria-pressed="true"]')) || search.value.trim() !== "";
function filter() {
  const statuses = pressed("status"), impacts = pressed("impact"), words = search.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    const index = layerOf(row), layer = layers[index];
    const passes = (!statuses.length || statuses.includes(statusOf(layer))) && (!impacts.length || impacts.includes(impactOf(layer))) && (!words || said(index).includes(words));
    row.parentNode.hidden = !passes;
    count += passes;
  }
  for (const group of $$(".grp")) if (group !== others) group.hidden = !$("li:not([hidden])", group);
  found = words && !statuses.length && !impacts.length ? [...layers.keys()].filter(index => !rowByLayer.has(index) && said(index).includes(words)) : [];
  others.hidden = !found.length;
  $("ul", others).replaceChildren(...found.slice(0, 60).map(listRow));
  $("#others-count").textContent = found.length > 60 ? `60 of ${number(found.length)}` : String(found.length);
  const all = `${number(rows.length)} ${compares ? "changed " : ""}layer${rows.length === 1 ? "" : "s"}`;
  $("#shown").textContent = filtering() && !count && !found.length ? "Nothing matches." : `${count === rows.length ? all : `${number(count)} of ${all}`}${found.length ? `, ${number(found.length)} unchanged` : ""}`;
  $("#filtered").classList.toggle("vh", !filtering());
  $("#clear").hidden = !filtering();
  refresh();
}
for (const chip of $$(".chip")) chip.addEventListener("click", () => { chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true")); filter(); });
search.addEventListener("input", filter);
$("#clear").addEventListener("click", () => { search.value = ""; for (const chip of $$('.chip[aria-pressed="true"]')) chip.setAttribute("aria-pressed", "false"); filter(); });

// Views: folded, everything, or one side of it.
const viewButtons = $$("#views button");
function look(name) {
  for (const button of viewButtons) button.setAttribute("aria-pressed", String(button.dataset.view === name));
  setSide(name === "old" || name === "new" ? name : "merged");
  openAll(name === "all");
  fit(false);
  refresh();
  render(false);
}
for (const button of viewButtons) button.addEventListener("click", () => look(button.dataset.view));

// One pane at a time, where there is room for one: the head of the page leaves it the window, and a pane that was left is found as it was.
const scrolled = {};
function pane(name, afresh) {
  scrolled[main.dataset.pane] = scrollY;
  main.dataset.pane = name;
  for (const button of $$(".tabs button")) button.setAttribute("aria-pressed", String(button.dataset.pane === name));
  const top = main.getBoundingClientRect().top + scrollY - $(".tabs").offsetHeight;
  if (narrow()) scrollTo(0, Math.max(top, afresh ? 0 : scrolled[name] || 0));
  if (name === "pic") { fit(false); refresh(); const box = $(".on", graph); if (box) show(box); }
}
for (const button of $$(".tabs button")) button.addEventListener("click", () => pane(button.dataset.pane));

// Of a line that is too long for the head of the page the first words, and a button for the others.
const breaks = $$(".breaks dd");
for (const fact of breaks) fact.append(h("button.more", { type: "button" }, "more"));
for (const button of $$(".more")) button.addEventListener("click", () => button.parentNode.classList.add("open"));
function clip() {
  for (const fact of breaks) { fact.classList.remove("cut"); fact.classList.toggle("cut", fact.scrollHeight > fact.clientHeight + 2); }
}

$("#in").addEventListener("click", () => zoomBy(1.2));
$("#out").addEventListener("click", () => zoomBy(1 / 1.2));
$("#fit").addEventListener("click", () => fit(true));
addEventListener("resize", () => { clip(); unit = 0; size(); drawNear(); overview(); });
addEventListener("hashchange", () => { if (location.hash !== rendered) render(true); });
document.addEventListener("click", event => { const link = event.target.closest("a[href]"); if (link && link.getAttribute("href") === location.hash) render(true); });

const systemDark = matchMedia("(prefers-color-scheme: dark)");
$("#theme").addEventListener("click", event => {
  const dark = page.dataset.theme ? page.dataset.theme === "dark" : systemDark.matches;
  page.dataset.theme = dark ? "light" : "dark";
  event.currentTarget.setAttribute("aria-pressed", String(!dark));
  overview();
});
systemDark.addEventListener("change", overview);

$("#leave").addEventListener("click", () => { location.hash = ""; });
const help = $("#help");
$("#keys").addEventListener("click", () => help.showModal());
$("#close").addEventListener("click", () => help.close());
$("#copy").addEventListener("click", async event => {
  const button = event.currentTarget;
  try { await navigator.clipboard.writeText(location.href); button.textContent = "Copied"; } catch { button.textContent = location.hash || "#"; }
  setTimeout(() => { button.textContent = "Copy link"; }, 1600);
});

/** One step through the list as it is filtered. */
function step(by) {
  const live = $$(".it").filter(row => !row.parentNode.hidden && !row.closest("[hidden]")), index = chosen();
  const at = live.findIndex(row => layerOf(row) === index);
  const next = live[at < 0 ? (by > 0 ? 0 : live.length - 1) : Math.max(0, Math.min(live.length - 1, at + by))];
  if (next) choose(next.getAttribute("href").slice(1));
}
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (event.target === search) {
    if (event.key === "Escape") { search.value = ""; filter(); search.blur(); }
    if (event.key === "Enter") { const first = $$(".it").find(row => !row.parentNode.hidden && !row.closest("[hidden]")); if (first) { choose(first.getAttribute("href").slice(1)); search.blur(); } }
    return;
  }
  const act = {
    j: () => step(1), k: () => step(-1), "/": () => { if (narrow()) pane("list"); search.focus(); search.select(); },
    f: () => { const chip = $(".chip"); if (chip) chip.focus(); }, e: () => look($('[data-view=all][aria-pressed="true"]') ? "changes" : "all"),
    "+": () => zoomBy(1.2), "=": () => zoomBy(1.2), "-": () => zoomBy(1 / 1.2), 0: () => fit(true), "?": () => help.showModal(),
    Escape: () => { if (location.hash) location.hash = ""; },
  }[event.key];
  if (act) { event.preventDefault(); act(); }
});

setSide("merged");
place();
fit(false);
const first = compares && $("a.r:not(.same)", graph);
if (first && scroller.clientWidth) aside(first);
filter();
clip();
render(false);
if (chosen() !== null && narrow()) pane("insp", true);
