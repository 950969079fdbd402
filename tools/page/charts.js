// Charts as SVG, by hand: lines, steps, points and bars over two axes, and threads over parallel axes. Each is a figure
// with a legend, a line that tells of the point under the pointer or the arrow keys, and its numbers as a table.
"use strict";

/// An element with attributes and children. Texts become text nodes: nothing from a study is ever read as HTML.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  return filled(made, attributes, children);
}
function picture(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}
function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined && child !== false) made.append(child);
  return made;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const digits = (value, count) => (isNumber(value) ? value.toFixed(count) : "–");
const accuracy = (value) => digits(value, 4);
const whole = (value) => (isNumber(value) ? value.toLocaleString("en-US") : "–");
function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  const size = Math.abs(seconds);
  if (size < 1e-3) return (seconds * 1e6).toPrecision(3) + " µs";
  if (size < 1) return (seconds * 1e3).toPrecision(3) + " ms";
  if (size < 120) return Number(seconds.toPrecision(3)) + " s";
  if (size < 7200) return (seconds / 60).toFixed(1) + " min";
  if (size < 172800) return (seconds / 3600).toFixed(1) + " h";
  return (seconds / 86400).toFixed(1) + " days";
}

/// Round numbers from about `least` to about `most`, some `count` of them.
function ticks(least, most, count) {
  const raw = (most - least) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const list = [];
  for (let i = Math.ceil(least / step - 1e-9); i * step <= most + step * 1e-9; ++i) list.push(Number((i * step).toPrecision(12)));
  return list;
}
function extent(values, margin) {
  const numbers = values.filter(isNumber);
  if (numbers.length === 0) return [0, 1];
  let least = Infinity, most = -Infinity;
  for (const value of numbers) { least = Math.min(least, value); most = Math.max(most, value); }
  const spread = most - least || Math.abs(most) * 0.1 || 1;
  return [least - spread * margin, most + spread * margin];
}
const short = (value) => Math.abs(value) >= 1e6 ? value / 1e6 + "M" : Math.abs(value) >= 1e4 ? value / 1e3 + "k" : String(value);

/// A table: columns of {name, number, class, head}, none for a table without a head; rows of texts or elements. `head()`:
/// makes what stands for the name.
const classOf = (column) => [column.number && "number", column.class].filter(Boolean).join(" ") || null;
function table(columns, rows, { caption, wide } = {}) {
  return element("div", { class: "scroll" }, element("table", { class: wide ? "wide" : null },
    caption && element("caption", {}, caption),
    columns.length > 0 && element("thead", {}, element("tr", {}, columns.map((column) =>
      element("th", { scope: "col", class: classOf(column) }, column.head?.() ?? column.name)))),
    element("tbody", {}, rows.map((row) => element("tr", {}, row.map((cell, i) =>
      element(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: classOf(columns[i] ?? {}) }, cell)))))));
}

/// The numbers of a chart, made when they are asked for.
function dataTable(columns, rows) {
  const most = 500;
  const details = element("details", { class: "data" }, element("summary", {}, "The numbers as a table"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(table(columns, rows.slice(0, most)));
    if (rows.length > most) details.append(element("p", { class: "note" }, `The first ${most} of ${rows.length}.`));
  });
  return details;
}

const dotLook = (series) => `dot ${series.isRing ? "open " : ""}s${series.look}`;
const looks = (series) => `s${series.look}` + (series.dash ? ` d${series.dash}` : "");
function legendSign(series) {
  if (series.kind === "bars") return picture("svg", { viewBox: "0 0 28 10", class: "chart", "aria-hidden": "true" }, picture("rect", { x: 4, y: 0, width: 20, height: 10, class: `block s${series.look}` }));
  if (series.kind === "points") return picture("svg", { viewBox: "0 0 28 10", class: "chart", "aria-hidden": "true" }, picture("circle", { cx: 14, cy: 5, r: 4, class: dotLook(series) }));
  return picture("svg", { viewBox: "0 0 28 10", class: "chart", "aria-hidden": "true" }, picture("path", { d: "M0 5H28", class: `line ${looks(series)}` }));
}
const legend = (list) => list.length > 1 && element("ul", { class: "legend", "aria-hidden": "true" },
  list.map((series) => element("li", {}, legendSign(series), series.name)));

/// Draws anew whenever the width of the element changes; `svg.fit()` does it at once, or for the width that it will have
/// on paper.
function drawnToFit(svg, draw) {
  let last = 0;
  const fit = (width = Math.round(svg.getBoundingClientRect().width)) => {
    if (width < 50 || width === last) return;
    last = width;
    draw(width);
  };
  svg.fit = fit;
  new ResizeObserver(() => fit()).observe(svg);
}

/// A chart of series {name, kind: line | step | points | bars, look, dash, points: [{x, y, text, candidate}]}.
/// `open(candidate)` is called when a point is chosen.
function chart({ title, x, y, series, height = 300, open }) {
  const shown = series.filter((one) => one.points.length > 0);
  const all = shown.flatMap((one) => one.points);
  const readout = element("p", { class: "readout", "aria-live": "polite" });
  const svg = picture("svg", { class: "chart", tabindex: 0, role: "img", height,
    "aria-label": `${title}. ${y.label} over ${x.label}, ${all.length} points. Arrow keys go from point to point${open ? ", Enter opens the layer" : ""}.` });
  const figure = element("figure", {}, element("figcaption", {}, title), legend(shown), svg, readout);
  if (all.length === 0) {
    svg.remove();
    readout.textContent = "Nothing to show yet.";
    return figure;
  }
  const bars = shown.some((one) => one.kind === "bars");
  let [left, right] = x.range ?? extent(all.map((p) => p.x), 0.02);
  let [low, high] = extent(all.map((p) => p.y), 0.06);
  if (bars) low = 0;
  const margin = { left: 58, right: 14, top: 10, bottom: 42 };
  let width = 640, ring = null, at = { series: 0, index: -1 };
  const px = (value) => margin.left + ((value - left) / (right - left)) * (width - margin.left - margin.right);
  const py = (value) => height - margin.bottom - ((value - low) / (high - low)) * (height - margin.top - margin.bottom);
  const place = (p) => `${px(p.x).toFixed(1)} ${py(p.y).toFixed(1)}`;

  const pathOf = (one) => {
    let path = "", before = null;
    for (const p of one.points) {
      if (!isNumber(p.x) || !isNumber(p.y)) { before = null; continue; }
      if (before === null) path += `M${place(p)}`;
      else path += one.kind === "step" ? `H${px(p.x).toFixed(1)}V${py(p.y).toFixed(1)}` : `L${place(p)}`;
      before = p;
    }
    return path;
  };
  const marksOf = (one) => {
    const numbers = one.points.filter((p) => isNumber(p.x) && isNumber(p.y));
    if (one.kind === "points") return numbers.map((p) => picture("circle", { cx: px(p.x).toFixed(1), cy: py(p.y).toFixed(1), r: one.radius ?? 3.2, class: dotLook(one) }));
    if (one.kind === "bars") return numbers.map((p) => picture("rect", { x: (px(p.from) + 0.5).toFixed(1), width: Math.max(1, px(p.to) - px(p.from) - 1).toFixed(1), y: py(p.y).toFixed(1), height: Math.max(0, py(0) - py(p.y)).toFixed(1), class: `block s${one.look}` }));
    const line = picture("path", { d: pathOf(one), class: `line ${looks(one)}` });
    return one.marked ? [line, numbers.map((p) => picture("circle", { cx: px(p.x).toFixed(1), cy: py(p.y).toFixed(1), r: 3.6, class: `dot open s${one.look}` }))] : line;
  };
  const draw = (newWidth) => {
    width = newWidth;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const down = ticks(low, high, 5), across = ticks(left, right, Math.max(3, Math.floor(width / 60)));
    ring = picture("circle", { r: 7, class: "picked", cx: -99, cy: -99 });
    svg.replaceChildren(
      ...down.map((value) => picture("g", {}, picture("path", { class: "grid", d: `M${margin.left} ${py(value).toFixed(1)}H${width - margin.right}` }),
        picture("text", { x: margin.left - 6, y: py(value) + 4, "text-anchor": "end" }, short(value)))),
      ...across.map((value) => picture("text", { x: px(value), y: height - margin.bottom + 16, "text-anchor": "middle" }, short(value))),
      picture("path", { class: "axis", d: `M${margin.left} ${height - margin.bottom}H${width - margin.right}`, fill: "none" }),
      picture("text", { x: (margin.left + width - margin.right) / 2, y: height - 6, "text-anchor": "middle" }, x.label),
      picture("text", { x: 12, y: (height - margin.bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(height - margin.bottom) / 2})` }, y.label),
      ...shown.flatMap(marksOf).flat(Infinity), ring);
    if (at.index >= 0) pick(at.series, at.index);
  };
  const pick = (s, i) => {
    at = { series: s, index: i };
    const p = shown[s].points[i];
    if (isNumber(p.x) && isNumber(p.y)) { ring.setAttribute("cx", px(p.x)); ring.setAttribute("cy", py(p.y)); }
    readout.textContent = (shown.length > 1 ? shown[s].name + " · " : "") +
      `${x.label} ${(x.tell ?? short)(p.x)} · ${y.label} ${(y.tell ?? short)(p.y)}` + (p.text ? ` · ${p.text}` : "");
  };
  svg.addEventListener("keydown", (event) => {
    const last = shown[at.series].points.length - 1;
    if (event.key === "ArrowRight") pick(at.series, Math.min(last, at.index + 1));
    else if (event.key === "ArrowLeft") pick(at.series, Math.max(0, at.index - 1));
    else if (event.key === "Home") pick(at.series, 0);
    else if (event.key === "End") pick(at.series, last);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = (at.series + (event.key === "ArrowDown" ? 1 : shown.length - 1)) % shown.length;
      pick(next, Math.min(Math.max(0, at.index), shown[next].points.length - 1));
    } else if (event.key === "Enter" && open && at.index >= 0 && shown[at.series].points[at.index].candidate) open(shown[at.series].points[at.index].candidate);
    else return;
    event.preventDefault();
  });
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const mx = ((event.clientX - box.left) / box.width) * width, my = ((event.clientY - box.top) / box.height) * height;
    let best = null, distance = Infinity;
    shown.forEach((one, s) => one.points.forEach((p, i) => {
      if (!isNumber(p.x) || !isNumber(p.y)) return;
      const d = bars ? Math.abs(px(p.x) - mx) : (px(p.x) - mx) ** 2 + (py(p.y) - my) ** 2;
      if (d < distance) { distance = d; best = [s, i]; }
    }));
    return best;
  };
  svg.addEventListener("pointermove", (event) => { const found = nearest(event); if (found) pick(...found); });
  svg.addEventListener("click", (event) => {
    const found = nearest(event);
    if (!found) return;
    pick(...found);
    const candidate = shown[found[0]].points[found[1]].candidate;
    if (open && candidate) open(candidate);
  });
  drawnToFit(svg, draw);
  const columns = [{ name: "series" }, { name: x.label, number: true }, { name: y.label, number: true }, { name: "" }];
  figure.append(dataTable(columns, shown.flatMap((one) => one.points.map((p) => [one.name, (x.tell ?? short)(p.x), (y.tell ?? short)(p.y), p.text ?? ""]))));
  return figure;
}

/// Each row as a thread over one vertical axis a column: rows {values, text, candidate, good}; the good ones come first.
function parallelChart({ title, columns, rows, height = 320, open }) {
  const readout = element("p", { class: "readout", "aria-live": "polite" });
  const svg = picture("svg", { class: "chart", tabindex: 0, role: "img", height,
    "aria-label": `${title}. One line a layer over ${columns.length} anchors, ${rows.length} lines. Up and down arrows go from layer to layer, Enter opens it.` });
  const series = [{ name: "the best", look: 0, kind: "line" }, { name: "others", look: 6, kind: "line" }];
  const figure = element("figure", {}, element("figcaption", {}, title), legend(series), svg, readout);
  const ranges = columns.map((_, c) => extent(rows.map((row) => row.values[c]), 0.02));
  let width = 640, picked = -1, threads = [];
  const top = 44, bottom = height - 24;
  const px = (c) => columns.length === 1 ? width / 2 : 60 + (c * (width - 120)) / (columns.length - 1);
  const py = (c, value) => bottom - ((value - ranges[c][0]) / (ranges[c][1] - ranges[c][0])) * (bottom - top);
  const pathOf = (row) => {
    let path = "";
    row.values.forEach((value, c) => { if (isNumber(value)) path += (path === "" ? "M" : "L") + `${px(c).toFixed(1)} ${py(c, value).toFixed(1)}`; });
    return path === "" || path.includes("L") ? path : path + "m-12 0h24"; // a single value is a stroke on its axis
  };
  const pick = (index) => {
    threads[picked]?.classList.remove("now");
    picked = index;
    threads[index]?.classList.add("now");
    readout.textContent = rows[index].text + ": " + columns.map((name, c) => `${name} ${accuracy(rows[index].values[c])}`).join(", ");
  };
  const draw = (newWidth) => {
    width = newWidth;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    threads = rows.map((row) => picture("path", { d: pathOf(row), class: row.good ? "thread good s0" : "thread s6" }));
    svg.replaceChildren(...threads.slice().reverse(), ...columns.map((name, c) => picture("g", {},
      picture("path", { class: "axis", d: `M${px(c)} ${top}V${bottom}` }),
      picture("text", { x: px(c), y: c % 2 === 1 && width / columns.length < 140 ? 30 : 14, "text-anchor": columns.length === 1 ? "middle" : c === 0 ? "start" : c === columns.length - 1 ? "end" : "middle", dx: columns.length === 1 ? 0 : c === 0 ? -50 : c === columns.length - 1 ? 50 : 0 }, name),
      picture("text", { x: px(c) - 5, y: top + 4, "text-anchor": "end" }, digits(ranges[c][1], 2)),
      picture("text", { x: px(c) - 5, y: bottom + 4, "text-anchor": "end" }, digits(ranges[c][0], 2)))));
    if (picked >= 0) pick(picked);
  };
  svg.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") pick(Math.min(rows.length - 1, picked + 1));
    else if (event.key === "ArrowUp") pick(Math.max(0, picked - 1));
    else if (event.key === "Enter" && picked >= 0) open(rows[picked].candidate);
    else return;
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const mx = ((event.clientX - box.left) / box.width) * width, my = ((event.clientY - box.top) / box.height) * height;
    const c = Math.min(columns.length - 1, Math.max(0, Math.round(columns.length === 1 ? 0 : ((mx - 60) / (width - 120)) * (columns.length - 1))));
    let best = -1, distance = Infinity;
    rows.forEach((row, i) => {
      if (!isNumber(row.values[c])) return;
      const d = Math.abs(py(c, row.values[c]) - my);
      if (d < distance) { distance = d; best = i; }
    });
    if (best >= 0) pick(best);
  });
  svg.addEventListener("click", () => { if (picked >= 0) open(rows[picked].candidate); });
  drawnToFit(svg, draw);
  figure.append(dataTable([{ name: "layer" }, ...columns.map((name) => ({ name, number: true }))], rows.map((row) => [row.text, ...row.values.map(accuracy)])));
  return figure;
}
