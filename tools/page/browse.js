// What only the live page has: candidates to search, filter, sort and compare, and numbers that follow the search.
"use strict";

const query = new URLSearchParams();
const chosen = new Set(); // ids to compare
const most = 4;

async function fetched(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  const answer = await response.json().catch(() => ({ error: `the server answered with status ${response.status}` }));
  if (!response.ok) throw new Error(answer.error ?? `status ${response.status}`);
  return answer;
}
const problem = (error) => element("p", { class: "error", role: "alert" }, String(error.message ?? error));

/// Fills `place` with what `make` gives, or with what went wrong.
async function fill(place, make) {
  place.replaceChildren(note("Reading …"));
  place.setAttribute("aria-busy", "true");
  try { place.replaceChildren(...[await make()].flat()); }
  catch (error) { place.replaceChildren(problem(error)); }
  place.removeAttribute("aria-busy");
}

/// The inside of one of the best layers.
function fetchedLayer(candidate, data) {
  const place = element("div");
  fill(place, async () => layerInside((await fetched(`api/candidate?id=${candidate}`)).layer, data));
  return place;
}

// ---- dialogs ----

function showDialog(title, content) {
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = element("dialog", { "aria-label": title }, element("div", { class: "row head" }, element("h2", {}, title), close), content);
  const before = document.activeElement;
  dialog.addEventListener("close", () => { dialog.remove(); before?.focus?.(); });
  document.body.append(dialog);
  dialog.showModal();
}
function showCandidate(candidate) {
  document.querySelector("dialog")?.close();
  const place = element("div");
  showDialog(`Candidate ${candidate}`, place);
  fill(place, async () => {
    const { layer, lineage } = await fetched(`api/candidate?id=${candidate}`);
    const candidates = Object.fromEntries(lineage.map((row) => [row.candidate, row]));
    return [layerInside(layer, report), element("details", { class: "more" }, element("summary", {}, `Ancestors (${lineage.length - 1})`),
      ancestry({ genealogy: { candidates } }, lineage.map((row) => row.candidate)))];
  });
}
function showComparison() {
  const place = element("div");
  showDialog(`Comparison of ${chosen.size} layers`, place);
  fill(place, async () => {
    const ids = [...chosen];
    const layers = (await Promise.all(ids.map((id) => fetched(`api/candidate?id=${id}`)))).map((answer) => answer.layer);
    const changes = await Promise.all(ids.slice(1).map(async (id) => (await fetched(`api/difference?from=${ids[0]}&to=${id}`)).change));
    const tasks = report.anchors.tasks, first = layers[0];
    const value = (layer, task) => layer.scores.find((score) => score.task === task)?.accuracy;
    const curves = layers.filter((layer) => layer.details.response);
    return [table([{ name: "" }, ...layers.map((layer) => ({ name: `#${layer.candidate}`, number: true }))],
      [["mean accuracy", ...layers.map((layer) => accuracy(layer.mean))],
        ...tasks.map((task) => [anchorOf(task), ...layers.map((layer) => accuracy(value(layer, task)))]),
        ["bytes moved an element", ...layers.map((layer) => whole(layer.details.bytes))],
        ["nodes", ...layers.map((layer) => whole(layer.details.nodes))],
        ["moments", ...layers.map((layer) => layer.details.moments.join(", ") || "none")]]),
    element("h3", {}, `What differs from #${first.candidate}`),
    element("ol", { class: "line" }, layers.map((layer, i) => element("li", {}, element("div", { class: "who" }, `#${layer.candidate}`), i > 0 && changes[i - 1] ? changedFormula(changes[i - 1]) : formula(layer.text)))),
    curves.length > 0 && element("div", { class: "columns" }, curves[0].details.response.inputs.slice(0, 3).map((input, k) =>
      chart({ title: `Response, input of ${input.label}`, height: 240, x: { label: "input, in deviations from its mean" }, y: { label: "output", tell: (v) => digits(v, 3) },
        series: curves.map((layer, i) => ({ name: `#${layer.candidate}`, kind: "line", look: i, dash: i,
          points: layer.details.response.points.map((x, p) => ({ x, y: layer.details.response.inputs[k].curve[p] })) })) })))].filter(Boolean);
  });
}

// ---- the table of candidates ----

function browseSection(data) {
  const place = element("div", { id: "candidates" }), more = element("button", { type: "button" }, "More"), state = element("span", { role: "status", class: "note" });
  const compare = element("button", { type: "button", onclick: showComparison, disabled: true }, "Compare");
  const anchors = data.anchors.tasks.map(anchorOf);
  const byMean = ["best", "worst"], byId = ["newest", "oldest"]; // orders, falling and rising
  // A press on a column's name sorts by it, a second one the other way round.
  const sorted = (name, task, orders) => {
    const press = () => {
      const { order, task: by } = form.elements;
      order.value = by.value === task && order.value === orders[0] ? orders[1] : orders[0];
      by.value = task;
      apply();
    };
    const head = () => element("button", { type: "button", class: "sort", onclick: press }, name);
    return { name, number: true, head, isSorted: () => {
      const at = orders.indexOf(form.elements.order.value);
      return at < 0 || form.elements.task.value !== task ? null : ["descending", "ascending"][at];
    } };
  };
  const columns = [{ name: "compare" }, sorted("id", "", byId), sorted("mean", "", byMean),
    ...anchors.map((name, i) => ({ ...sorted(name, data.anchors.tasks[i], byMean), class: "anchor" })),
    { name: "state" }, { name: "origin" }, { name: "layer", class: "formula" }];
  let rows = null, next = null, shown = 0, asked = 0;

  const choose = (row, box) => {
    if (box.checked) chosen.add(row.candidate);
    else chosen.delete(row.candidate);
    if (chosen.size > most) { chosen.delete(row.candidate); box.checked = false; say(`At most ${most} can be compared.`); }
    compare.disabled = chosen.size < 2;
    compare.textContent = chosen.size ? `Compare ${chosen.size}` : "Compare";
  };
  const cells = (row) => {
    const box = element("input", { type: "checkbox", "aria-label": `Compare ${row.candidate}`, onchange: () => choose(row, box) });
    box.checked = chosen.has(row.candidate);
    return [box, openLink(row.candidate), accuracy(row.mean), ...row.accuracies.map(accuracy),
      row.duplicate_of !== null ? [row.state, ", as ", openLink(row.duplicate_of)] : element("span", { title: row.reason }, row.state),
      row.parent !== null ? [row.origin, " of ", openLink(row.parent)] : row.origin, row.text];
  };
  const read = async (again) => {
    const mine = ++asked;
    state.textContent = "Reading …";
    const wanted = new URLSearchParams(query);
    if (!again && next) wanted.set("after", next);
    try {
      const page = await fetched(`api/candidates?${wanted}`);
      if (mine !== asked) return; // asked for something else meanwhile
      if (again || rows === null) {
        const made = table(columns, page.candidates.map(cells), { wide: true });
        made.querySelectorAll("thead th").forEach((head, i) => {
          const direction = columns[i].isSorted?.();
          if (direction) head.setAttribute("aria-sort", direction);
        });
        const focused = [...place.querySelectorAll("thead button")].indexOf(document.activeElement);
        rows = made.querySelector("tbody");
        place.replaceChildren(made);
        made.querySelectorAll("thead button")[focused]?.focus();
        shown = 0;
      } else rows.append(...table(columns, page.candidates.map(cells)).querySelectorAll("tbody tr"));
      shown += page.candidates.length;
      next = page.next;
      more.hidden = next === null;
      more.textContent = page.candidates.length < 50 && next ? "Search on" : "More";
      state.textContent = `${whole(shown)} shown` + (next === null ? ", that is all" : page.candidates.length < 50 ? "; a part of the study was searched" : "");
    } catch (error) {
      if (mine === asked) { place.replaceChildren(problem(error)); rows = null; more.hidden = true; state.textContent = ""; }
    }
  };
  more.addEventListener("click", () => read(false));

  const options = (list) => list.map(([value, text]) => element("option", { value }, text));
  const field = (name, label, control, wide) => { control.setAttribute("name", name); return element("label", { class: wide ? "wide" : null }, label, control); };
  const form = element("form", { class: "filters", onsubmit: (event) => { event.preventDefault(); apply(); } },
    field("order", "Order", element("select", {}, options([["best", "best first"], ["worst", "worst first"], ["newest", "newest first"], ["oldest", "oldest first"]]))),
    field("task", "By accuracy on", element("select", {}, options([["", "all anchors"], ...data.anchors.tasks.map((task) => [task, anchorOf(task)])]))),
    field("state", "State", element("select", {}, options([["", "any"], ["scored", "scored"], ["duplicate", "duplicate"], ["quality", "rejected: quality"], ["stability", "rejected: stability"], ["invalid", "invalid"], ["open", "open"], ["quarantined", "quarantined"]]))),
    field("with", "Has parts", element("input", { type: "text", placeholder: "sigmoid std_group", autocapitalize: "off", spellcheck: "false" })),
    field("without", "Lacks parts", element("input", { type: "text", placeholder: "batch exp", autocapitalize: "off", spellcheck: "false" })),
    field("origin", "Origin", element("input", { type: "text", placeholder: "mutation, random, BN-ReLU", autocapitalize: "off" })),
    field("parent", "Children of", element("input", { type: "text", inputmode: "numeric", placeholder: "id" })),
    field("same_as", "Computes the same as", element("input", { type: "text", placeholder: "EvoNorm-S0, or x*sigmoid(v1*x)/std_group(x)", autocapitalize: "off", spellcheck: "false" }), true),
    element("div", { class: "row wide" }, element("button", { type: "submit" }, "Search"), element("button", { type: "reset" }, "Clear"), compare, state));
  const apply = () => {
    for (const key of [...query.keys()]) query.delete(key);
    const fields = new FormData(form);
    // Best and worst are orders of scored layers alone.
    if (byMean.includes(fields.get("order")) && !["", "scored"].includes(fields.get("state")) || (fields.get("same_as") && fields.get("order") === "best")) {
      form.elements.order.value = "newest";
      fields.set("order", "newest");
    }
    if (byId.includes(fields.get("order"))) {
      form.elements.task.value = "";
      fields.set("task", "");
    }
    for (const [key, value] of fields) if (String(value).trim() !== "") query.set(key, String(value).trim());
    next = null;
    return read(true);
  };
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLSelectElement)) return;
    // Who asks for an anchor asks for an order that has one.
    if (target.name === "task" && target.value && byId.includes(form.elements.order.value)) form.elements.order.value = "best";
    apply();
  });
  apply();
  return section("browse", "All candidates", note("Best and worst show each function once, and scored layers alone; newest and oldest show all candidates. A column's name sorts by it."), form, place, element("div", { class: "row" }, more));
}

// ---- following the search ----

let current = null; // the browse section stays as it is while the rest is built anew
async function reload() {
  const data = await fetched("api/report");
  document.getElementById("title").textContent = data.study;
  document.title = `${data.study} · normact`;
  const open = [...document.querySelectorAll("main details[open][id]")].map((one) => one.id), top = scrollY;
  report = data;
  current ??= browseSection(data);
  build(data, [["browse", "Candidates", () => current]]);
  for (const id of open) { const one = document.getElementById(id); if (one) { one.open = true; one.fill?.(); } }
  scrollTo(0, top);
}
function follow() {
  const bar = element("p", { class: "row only-screen", id: "live" });
  document.querySelector("header.top").insertBefore(bar, document.getElementById("sections"));
  const tick = async () => {
    if (document.hidden) return;
    try {
      const { funnel, best } = await fetched("api/status");
      const fresh = funnel.scored - (report.funnel?.scored ?? funnel.scored);
      bar.replaceChildren(`Live: ${whole(funnel.proposed)} candidates, ${whole(funnel.scored)} scored` + (best ? `, best ${accuracy(best.mean)}. ` : ". "),
        fresh > 0 && element("button", { type: "button", onclick: () => reload().catch((error) => bar.replaceChildren(problem(error))) }, `Show ${whole(fresh)} new`) || "");
    } catch (error) { bar.replaceChildren(problem(error)); }
  };
  tick();
  setInterval(tick, 5000);
}

server = { details: fetchedLayer, show: showCandidate };
reload().then(follow).catch((error) => document.getElementById("content").replaceChildren(problem(error)));
