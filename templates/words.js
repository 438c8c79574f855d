"use strict";
// The report as data (renderer/island.py writes it) and as elements. Text only ever goes in as text nodes.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const page = document.documentElement;
page.classList.add("js");
const data = JSON.parse($("#data").textContent);
const contents = JSON.parse($("#contents").textContent);
const layers = data.layers, texts = data.texts;
for (const layer of layers) {
  layer.path = decodeURIComponent(layer.a.slice(layer.a.indexOf("=") + 1));
  layer.n = layer.path.slice(layer.path.lastIndexOf("/") + 1).replace(/~1/g, "/").replace(/~0/g, "~");
}
const numbers = new Map(layers.map((layer, index) => [layer.a, index]));
for (const layer of layers) if (layer.o) { // the name it had leads to it too, where no other layer has that name now
  const was = layer.a.slice(0, Math.max(layer.a.lastIndexOf("/"), layer.a.indexOf("=")) + 1) + encodeURIComponent(layer.o.replace(/~/g, "~0").replace(/\//g, "~1"));
  if (!numbers.has(was)) numbers.set(was, numbers.get(layer.a));
}
const made = layers.map(() => []), inner = layers.map(() => []);
layers.forEach((layer, index) => { if (layer.p !== undefined) inner[layer.p].push(index); });
layers.forEach((layer, index) => { for (const link of layer.in || []) made[Array.isArray(link) ? link[0] : link]?.push(index); });
layers.forEach((layer, index) => { if (layer.out === undefined && made[index].length) layer.out = made[index]; });
const CLASS = { added: "add", removed: "del", changed: "chg", renamed: "ren", moved: "mov", unchanged: "same" };
const compares = layers.some(layer => layer.m) || $(".chip") !== null || !$("#graph").classList.contains("one");
const SVG = "http://www.w3.org/2000/svg";

const text = number => number === undefined || number < 0 ? "" : texts[number];
const statusOf = layer => data.statuses[layer.s];
const number = value => value.toLocaleString("en-US");

/** An element: h("p.note", {title: "x"}, "text", child, …); what is null or "" is left out. */
function h(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  return fill(element, attributes, children);
}

/** The same in SVG. */
function s(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElementNS(SVG, tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  return fill(element, attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Characters that act instead of being read, made visible. */
const visible = words => words.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, char => {
  const code = char.codePointAt(0), digits = code < 256 ? 2 : code < 65536 ? 4 : 8;
  return "\\" + { 2: "x", 4: "u", 8: "U" }[digits] + code.toString(16).padStart(digits, "0");
});

/** A phrase as nodes: recurring words are numbers, words from a file lists of one, an empty list is the layer's own name. */
const words = word => typeof word === "number" ? text(word) : word;
const phrase = (all, own) => Array.isArray(all) ? all.map(word => Array.isArray(word) ? h("code", null, visible(word.length ? word[0] : own)) : words(word))
  : all === undefined ? [] : [words(all)];
const plain = all => Array.isArray(all) ? all.map(word => Array.isArray(word) ? visible(word[0]) : words(word)).join("") : words(all ?? "");

/** How far a layer moved, all its weights together. */
const distance = moved => moved === undefined ? "" : moved === 0 ? "identical" : moved >= 100 ? "moved" : `moved ${moved < .001 ? "less than 0.1" : moved < .1 ? (moved * 100).toFixed(1) : number(Math.round(moved * 100))} %`;
const sign = status => h(`span.sg.${CLASS[status]}`, { "aria-hidden": "true" }, data.signs[data.statuses.indexOf(status)]);
const path = layer => layer.path;
const impactOf = layer => layer.i === undefined ? "" : data.impacts[layer.i];

/** One row of the list, as the template writes it. */
function listRow(index) {
  const layer = layers[index], status = statusOf(layer);
  const parent = layer.p === undefined ? "" : `${visible(layers[layer.p].n)}/`;
  const told = [];
  for (const line of layer.w || []) told.push(told.length ? "; " : "", h("span.warn", null, ...phrase(line)));
  for (const line of layer.l || []) told.push(told.length ? "; " : "", ...phrase(line));
  if (!told.length) told.push([[text(layer.c), text(layer.u)].filter(Boolean).join(", "), compares ? "" : text(layer.h)].filter(Boolean).join(" · "));
  return h("li", null, h(`a.it.${CLASS[status]}`, { href: "#" + layer.a },
    h("span.n", null, parent && h("i", null, parent), layer.o ? h("i", null, `${visible(layer.o)} → `) : "", visible(layer.n)),
    h("span.v", null, (layer.l || []).some(line => plain(line) === plain(layer.f)) ? "" : plain(layer.f).replace(/^moved /, "")), h("span.w", null, ...told)));
}
