// The page of a report: builds its sections out of the document `normact/report`, embedded (normact report) or
// fetched (normact serve).
"use strict";

const anchorOf = (task) => task.slice(task.indexOf("/") + 1);
const percent = (share) => digits(100 * share, share > 0 && share < 0.1 ? 1 : 0) + "%";
const say = (text) => { document.getElementById("said").textContent = text; };

function section(id, title, ...children) {
  return element("section", { id, "aria-labelledby": `${id}-title` }, element("h2", { id: `${id}-title` }, title), children);
}
const note = (...text) => element("p", { class: "note" }, ...text);
function bar(share, second) {
  const made = element("span", { class: second ? "bar second" : "bar" });
  made.style.width = `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%`;
  return made;
}

// ---- what changed between two formulas ----

/// A formula with what its parent's did not have marked, and what it lost struck out. Marks are of bytes; apart from
/// blanks, what is not marked is the same in both.
function changedFormula({ before, after, before_marks, after_marks }) {
  const code = element("code", { class: "formula" }), decoder = new TextDecoder();
  const cursor = (text, marks) => ({ bytes: new TextEncoder().encode(text), marks: [...marks], at: 0 });
  const old = cursor(before, before_marks), made = cursor(after, after_marks), blank = 32;
  const done = (one) => one.at >= one.bytes.length;
  const marked = (one) => one.marks.length > 0 && one.marks[0][0] <= one.at;
  const isBlank = (one) => !done(one) && !marked(one) && one.bytes[one.at] === blank;
  const cut = (one, end) => { const text = decoder.decode(one.bytes.subarray(one.at, end)); one.at = end; return text; };
  let same = "", gap = false;
  const put = (name, text) => { if (same) code.append(same); same = ""; code.append(element(name, {}, text)); };
  while (!done(old) || !done(made)) {
    if (isBlank(made)) { same += cut(made, made.at + 1); gap = false; }
    else if (isBlank(old)) { ++old.at; gap = !same.endsWith(" "); }
    else if (marked(old)) { put("del", (gap ? " " : "") + cut(old, old.marks.shift()[1])); gap = false; }
    else if (marked(made)) put("ins", cut(made, made.marks.shift()[1]));
    else { if (!done(made)) same += cut(made, made.at + 1); ++old.at; gap = false; }
  }
  code.append(same);
  return code;
}
const formula = (text) => element("code", { class: "formula" }, text);

// ---- sections ----

function summarySection(data) {
  const best = data.layers[0];
  const evaluated = data.work.reduce((sum, row) => sum + row.evaluated, 0);
  const workers = data.work.reduce((sum, row) => sum + row.workers, 0);
  const card = (value, label) => element("li", {}, element("strong", {}, value), element("span", {}, label));
  return section("summary", "What was found",
    best ? [element("p", {}, "The best layer so far, ", openLink(best.candidate), `, has a mean accuracy of ${accuracy(best.mean)} over ${data.anchors.tasks.length === 1 ? "one anchor" : data.anchors.tasks.length + " anchors"}:`),
      element("p", { class: "formula best" }, best.text)]
      : element("p", {}, "No layer is scored yet."),
    knownLayers(data),
    data.reevaluation && evaluatedAgain(data.reevaluation, best),
    element("ul", { class: "cards" },
      card(best ? accuracy(best.mean) : "–", "best mean accuracy"),
      card(whole(data.funnel.proposed), "candidates"),
      card(whole(data.funnel.scored), "scored layers"),
      card(duration(data.scores.last_finished), "from start to last score"),
      card(whole(evaluated), "evaluations"),
      card(whole(workers), workers === 1 ? "worker" : "workers")),
    note(`Study ${data.study}, made ${data.created}; this page is of ${data.made}. A search's scores are of one training run each: two layers that are close may well be equally good.`));
}

/// What the best is to be measured by.
function knownLayers({ known, scores }) {
  const scored = known.filter((layer) => layer.mean !== null);
  return scored.length > 0 && element("p", {}, "Known layers among the candidates: ",
    scored.map((layer, i) => [i > 0 && ", ", layer.name, " (", openLink(layer.candidate), `) ${accuracy(layer.mean)}`]),
    `. The first of them has rank ${whole(scored[0].rank)} of ${whole(scores.count)}.`);
}
/// What the re-evaluation says of the search's best: its first place may be luck.
function evaluatedAgain({ validation, test }, best) {
  const judged = (found) => found?.layers.filter((layer) => layer.seeds > 0) ?? [];
  const images = judged(test).length > 0 ? "test" : "validation", layers = judged(images === "test" ? test : validation);
  if (layers.length === 0) return null;
  const place = layers.findIndex((layer) => layer.candidate === best?.candidate);
  const isLeftOut = place < 0 && judged(validation).some((layer) => layer.candidate === best?.candidate);
  return element("p", {}, element("a", { href: "#reevaluation" }, "Evaluated again"), ` on ${images} images, `,
    candidateOrName(layers[0]), ` is first of ${layers.length} layers (${likelihood(layers[0].probability_best)} that it is the best of them)`,
    place > 0 && [", and ", openLink(best.candidate), ` is ${digits(layers[place].against_best.difference, 4)} from it`,
      layers[place].separated === false && ", which is not separated"],
    isLeftOut && ["; ", openLink(best.candidate), " had dropped out before"], ".");
}

function methodSection(data) {
  const c = data.configuration, training = c.scoring.training;
  const rows = [
    ["preset", c.preset || "own settings"], ["seed", String(c.seed)],
    ["data set", c.scoring.dataset.name], ["anchors", data.anchors.tasks.map(anchorOf).join(", ")],
    ["training", `${training.steps} steps of batch ${training.batch}, ${training.optimizer} at ${training.learning_rate}`],
    ["layer", `${c.scoring.layer.groups} groups, epsilon ${c.scoring.layer.epsilon}`],
    ["index sets", c.space.index_sets.join(", ") || "none: pointwise layers"],
    ["moments", c.space.moments.join(", ") || "none"], ["elementwise", c.space.elementwise.join(", ")],
    ["evolution", c.evolution.random_share === 1 ? "random search" : `window ${c.evolution.window || "all"}, tournament ${percent(c.evolution.tournament)}, ${c.evolution.mutations} mutations, ${percent(c.evolution.random_share)} random, best by ${c.evolution.choice}${c.evolution.cost === "none" ? "" : " and " + c.evolution.cost}`],
  ];
  return section("method", "How it was searched",
    element("div", { class: "columns" },
      table([{ name: "setting" }, { name: "value" }], rows),
      element("div", {}, table([{ name: "host" }, { name: "device" }, { name: "engine" }, { name: "workers", number: true }, { name: "evaluated", number: true }],
        data.work.map((row) => [row.host, row.device, row.engine, whole(row.workers), whole(row.evaluated)]), { caption: "Who evaluated" }),
      note("Builds: ", [...new Set(data.work.map((row) => row.build))].join("; ") || "none"))),
    element("details", { class: "more" }, element("summary", {}, "All settings as JSON"), element("pre", { class: "scroll" }, JSON.stringify(c, null, 2))));
}

function funnelSection(data) {
  const words = [["proposed", "all candidates"], ["invalid", "dropped before training: not finite, or x plays no part"],
    ["duplicate", "computes the same as an earlier one"], ["quality", "accuracy too low early in training"],
    ["stability", "gradients that blow up"], ["scored", "trained on every anchor"],
    ["quarantined", "evaluations failed for another reason"], ["open", "in work"]];
  const most = Math.max(1, data.funnel.proposed);
  return section("funnel", "What became of the candidates",
    table([{ name: "state" }, { name: "candidates", number: true }, { name: "share", number: true }, { name: "", class: "bars" }],
      words.filter(([word]) => data.funnel[word] > 0 || word === "proposed" || word === "scored").map(([word, meaning]) =>
        [[word, element("span", { class: "meaning" }, meaning)], whole(data.funnel[word]), percent(data.funnel[word] / most), bar(data.funnel[word] / most)]), { wide: true }),
    data.false_rejections ? falseRejections(data.false_rejections) : note("How many of the rejected would have scored well is not known for this study."));
}
function falseRejections(found) {
  const interval = ({ rate, low, high }) => (rate === null ? "–" : `${percent(rate)} (${percent(low)} to ${percent(high)})`);
  return [table([{ name: "filter" }, { name: "rejected", number: true }, { name: "audited", number: true }, { name: "false rejections (95%)", number: true },
    { name: `as good as rank ${found.best_rank}`, number: true }, { name: "best audited", number: true }],
    found.filters.map((filter) => [filter.filter, whole(filter.rejected), whole(filter.audited), interval(filter.false_rejections),
      found.accuracy_at_best_rank === null ? "–" : whole(filter.as_good_as_best.count), accuracy(filter.best)]), { caption: "What the filters threw away" }),
  note(`Some rejected layers were trained in full all the same. A rejection is false where such a layer reaches the median scored layer, ${accuracy(found.median)}.`)];
}

function progressSection(data) {
  const scores = data.scores;
  const point = (x) => ([candidate, seconds, mean]) => ({ x: x === "candidate" ? candidate : seconds / 3600, y: mean, text: `#${candidate}`, candidate });
  const byTime = scores.sample.filter(([, seconds]) => seconds !== null).map(point("time"));
  const rising = (points, end) => points.length && isNumber(end) ? [...points, { ...points.at(-1), x: end }] : points;
  const known = data.known.filter((layer) => layer.mean !== null).map((layer) => ({ x: layer.candidate, y: layer.mean, text: layer.name, candidate: layer.candidate }));
  const lists = [["candidate", "Best accuracy over candidates", scores.improvements.map(point("candidate")), scores.sample.map(point("candidate")), data.funnel.proposed, "candidate"],
    ["time", "Best accuracy over time", scores.improvements_in_time.map(point("time")), byTime, scores.last_finished === null ? null : scores.last_finished / 3600, "hours since the start"]];
  return section("progress", "How the search went on",
    element("div", { class: "columns" }, lists.map(([, title, steps, dots, end, label]) => chart({
      title, open: openLayer, x: { label, tell: (v) => (label === "candidate" ? "#" + v : duration(v * 3600)) }, y: { label: "mean accuracy", tell: accuracy },
      series: [{ name: "best so far", kind: "step", look: 1, points: rising(steps, end) }, { name: "scored layer", kind: "points", look: 0, radius: 2.6, points: dots }, { name: "known layer", kind: "points", look: 2, radius: 4.5, isRing: true, points: label === "candidate" ? known : [] }] }))),
    scores.count > scores.sample.length && note(`${whole(scores.sample.length)} of ${whole(scores.count)} scored layers are shown as dots.`));
}

function distributionSection(data) {
  const { least, most, counts } = data.scores.histogram;
  const width = (most - least) / Math.max(1, counts.length) || 0.01;
  const points = counts.map((count, i) => ({ x: least + (i + 0.5) * width, from: least + i * width, to: least + (i + 1) * width, y: count,
    text: `${accuracy(least + i * width)} to ${accuracy(least + (i + 1) * width)}` }));
  return chart({ title: "Distribution of scores", x: { label: "mean accuracy", tell: accuracy, range: counts.length ? [least, least + width * counts.length] : undefined },
    y: { label: "layers" }, series: [{ name: "scored layers", kind: "bars", look: 0, points }] });
}
function anchorsSection(data) {
  const { tasks, best, layers } = data.anchors;
  return section("anchors", "Scores per anchor", element("div", { class: "columns" },
    parallelChart({ title: `The best ${best} layers, and others`, columns: tasks.map(anchorOf), open: openLayer,
      rows: layers.map((layer, i) => ({ values: layer.accuracies, text: `#${layer.candidate}`, candidate: layer.candidate, good: i < best })) }),
    distributionSection(data)));
}

function useSection(data) {
  const { best, all, rows } = data.use;
  const cell = (row) => element("span", { class: "bars" }, bar(row.best), bar(row.all, true));
  const of = (kinds, caption) => table([{ name: "part" }, { name: `best ${best}`, number: true }, { name: "all", number: true }, { name: "", class: "bars" }],
    rows.filter((row) => kinds.includes(row.kind)).sort((a, b) => b.best - a.best || b.all - a.all).map((row) => [row.name, percent(row.best), percent(row.all), cell(row)]), { caption, wide: true });
  return section("parts", "What the good layers are made of",
    note(`Share of layers that use a part: of the best ${whole(best)} (filled bar), and of ${whole(all)}${all < data.scores.count ? ` of ${whole(data.scores.count)}` : ""} scored layers (outlined bar).`),
    element("div", { class: "columns" }, of(["primitive"], "Primitives"), element("div", {}, of(["moment"], "Moments"), of(["index set"], "Index sets"))));
}

function costsSection(data) {
  const { layers, counted, timed, front_by_bytes, front_by_operations, front_by_seconds } = data.costs, scored = data.scores.count;
  const one = (title, key, label, tell, front, scale, known) => {
    const costs = new Set(layers.map((row) => row[key]));
    if (layers.length > 1 && costs.size === 1) return note(`${title}: ${tell(scale * [...costs][0])} in each of these layers.`);
    const points = layers.filter((row) => row[key] !== null).map((row) => ({ x: row[key] * scale, y: row.mean, text: `#${row.candidate} ${row.text.slice(0, 80)}`, candidate: row.candidate }));
    const byId = new Map(points.map((p) => [p.candidate, p]));
    return chart({ title, open: openLayer, x: { label, tell }, y: { label: "mean accuracy", tell: accuracy },
      series: [{ name: known < scored ? `front of ${whole(known)} layers` : "front of all layers", kind: "step", look: 1, marked: true, points: front.map((id) => byId.get(id)).filter(Boolean) },
        { name: "layer", kind: "points", look: 0, points }] });
  };
  const task = data.machine.speed_task;
  return section("costs", "Accuracy against cost",
    element("div", { class: "columns" },
      one("Operations", "operations", "operations an element, forward + backward", whole, front_by_operations, 1, counted),
      one("Bytes moved", "bytes", "bytes an element, forward + backward", (v) => `${v} bytes`, front_by_bytes, 1, counted),
      timed ? one("Measured time", "seconds", "milliseconds, forward + backward", (v) => `${v.toPrecision(3)} ms`, front_by_seconds, 1000, timed)
        : note(task ? "A layer is timed when it is opened." : "Times were not measured for this page.")),
    note(`What a fused layer takes for each float32 element in training: the bytes that it has to move at least, which moments over the batch add to, and how many arithmetic operations its schedule has, a transcendental function counted as twelve. `,
      task && `Times on ${data.machine.processor}, ${task.threads} ${task.threads === 1 ? "thread" : "threads"}, tensors of ${task.shape.join("×")}${timed ? ", by the engine cpu" : ""}. `,
      `Shown are ${whole(layers.length)} layers: the best, those on the front, and others at equal distances.`));
}

/// A rejected layer may have an accuracy, too: that of an audit.
function standing(row) {
  if (row.state === "scored") return accuracy(row.mean);
  return row.mean === null ? row.state : `${row.state}, ${accuracy(row.mean)} in an audit`;
}
function ancestry(data, line) {
  const rows = line.map((id) => data.genealogy.candidates[id]).reverse();
  const isSame = (row, i) => i > 0 && row.text === rows[i - 1].text && !row.text.endsWith("…"); // which is cut
  const items = rows.map((row, i) => element("li", {},
    element("div", { class: "who" }, openLink(row.candidate), ` · ${row.origin} · `, standing(row),
      row.duplicate_of !== null && ` · computes the same as #${row.duplicate_of}`,
      isSame(row, i) && " · the same formula as its parent"),
    !isSame(row, i) && (row.change ? changedFormula(row.change) : formula(row.text))));
  return element("ol", { class: "line" }, neutralRuns(rows).map(([first, end]) => [items[first], folded(items.slice(first + 1, end))]));
}
/// From where to where, the end excluded, ancestors in a row compute the same: hundreds may, until a mutation counts.
function neutralRuns(rows) {
  const evaluated = rows.map((row) => row.duplicate_of ?? row.candidate);
  const firsts = rows.map((_, i) => i).filter((i) => i === 0 || evaluated[i] !== evaluated[i - 1]);
  return firsts.map((first, k) => [first, firsts[k + 1] ?? rows.length]);
}
function folded(items) {
  if (items.length < 3) return items;
  return element("li", {}, element("details", { class: "more" }, element("summary", {}, `${items.length} more generations that compute the same`),
    element("ol", { class: "line" }, items)));
}
function genealogySection(data) {
  const { lines, candidates } = data.genealogy;
  const series = lines.map((line, k) => ({ name: `#${line[0]}`, kind: "line", look: k % 6, dash: Math.floor(k / 2) % 4, marked: true,
    points: line.slice().reverse().map((id, generation) => ({ x: generation, y: candidates[id].mean, text: `#${id} ${candidates[id].state === "scored" ? "" : candidates[id].state + " "}${candidates[id].text.slice(0, 80)}`, candidate: id })) }));
  return section("genealogy", "Where the best layers come from",
    chart({ title: "Accuracy from the oldest ancestor shown to each of the best layers", open: openLayer, x: { label: "generation" }, y: { label: "mean accuracy", tell: accuracy }, series }),
    note("What a mutation added is underlined, what it took away is struck out. An ancestor that is not scored has its state beside it; a rejected one has an accuracy where it was trained in full all the same, for an audit. Formulas of more than 150 nodes are not marked."),
    lines.map((line, k) => element("details", { open: k === 0 }, element("summary", {}, `#${line[0]}: ${line.length - 1} ${line.length === 2 ? "generation" : "generations"} from #${line.at(-1)} (${candidates[line.at(-1)].origin}${candidates[line.at(-1)].parent === null ? "" : "; older ones are not shown"})`), ancestry(data, line))));
}

// ---- one layer ----

function responseChart(title, points, inputs) {
  return chart({ title, height: 260, x: { label: "input, in deviations from its mean" }, y: { label: "output", tell: (v) => digits(v, 3) },
    series: inputs.map((input, k) => ({ name: input.label, kind: "line", look: k, dash: k,
      points: points.map((x, i) => ({ x, y: input.curve[i] })) })) });
}
function responses(details) {
  if (!details.response) return note(`No response curves: ${details.response_missing}.`);
  const { points, inputs } = details.response;
  const plain = inputs.filter((input) => input.v0 === 0 && input.v1 === 1), other = inputs.filter((input) => input.v0 !== 0 || input.v1 !== 1);
  const cell = (before, after) => `${digits(before, 2)} → ${digits(after, 2)}`;
  return element("div", {}, element("div", { class: "columns" },
    responseChart("Response of one element, for three kinds of input", points, plain),
    other.length > 0 && responseChart("Response with other v0 and v1", points, [inputs[0], ...other])),
    table([{ name: "input" }, { name: "mean", number: true }, { name: "deviation", number: true }, { name: "between channels", number: true }, { name: "between images", number: true }],
      plain.map(({ label, before, after }) => [label, cell(before.mean, after.mean), cell(before.deviation, after.deviation), cell(before.between_channels, after.between_channels), cell(before.between_images, after.between_images)]),
      { caption: "Statistics before → after. Between channels (images): how far their means lie apart." }));
}
/// Graphviz's drawing, as elements without anything that could run.
function drawing(text) {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  const svg = parsed.documentElement;
  if (svg.nodeName !== "svg") return note("The drawing can't be read.");
  for (const one of [...svg.querySelectorAll("*")]) {
    if (!["g", "path", "polygon", "ellipse", "text", "title", "polyline"].includes(one.nodeName)) one.remove();
    for (const attribute of [...one.attributes]) if (/^on|href/i.test(attribute.name)) one.removeAttribute(attribute.name);
  }
  svg.querySelectorAll("title").forEach((title) => title.remove());
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "The layer as a graph");
  return document.importNode(svg, true);
}
function jsonTools(layer, name) {
  const text = JSON.stringify(layer, null, 1);
  const area = element("textarea", { readonly: true, rows: 8, "aria-label": "The layer as JSON", spellcheck: "false" });
  area.value = text;
  const copy = async () => {
    try { await navigator.clipboard.writeText(text); say("Copied."); }
    catch { area.closest("details").open = true; area.focus(); area.select(); say("Press Ctrl+C to copy."); }
  };
  const download = () => {
    const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: `${name}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  return [element("div", { class: "row" }, element("button", { type: "button", onclick: copy }, "Copy JSON"), element("button", { type: "button", onclick: download }, "Download JSON")),
    element("details", { class: "more" }, element("summary", {}, "JSON"), area)];
}
/// What is known of a candidate: its scores and details.
function layerInside(layer, data, isNamed) {
  const details = layer.details;
  return element("div", { class: "inside" },
    !isNamed && element("p", { class: "formula best" }, layer.text),
    element("div", { class: "columns" },
      element("div", {}, table([{ name: "anchor" }, { name: "accuracy", number: true }, { name: "training", number: true }],
        layer.scores.map((score) => [anchorOf(score.task), accuracy(score.accuracy), duration(score.seconds)])),
        table([], [
          ["state", layer.state + (layer.reason ? `: ${layer.reason}` : "")],
          ["origin", [layer.origin, layer.parent !== null && [", child of ", openLink(layer.parent)]]],
          ...(details ? [["moments", details.moments.join(", ") || "none"], ["nodes", String(details.nodes)], ["bytes moved", `${details.bytes} an element`], ["operations", `${details.operations} an element`]] : []),
          ["hash", element("code", {}, layer.hash)], ["fingerprint", element("code", {}, layer.fingerprint)]]),
        details?.speed && table([{ name: "engine" }, { name: "compile", number: true }, { name: "forward", number: true }, { name: "+ backward", number: true }],
          details.speed.map((row) => [row.engine, duration(row.compile), duration(row.forward), duration(row.forward_backward)]),
          { caption: `Speed on ${data.machine.processor}, ${data.machine.speed_task.shape.join("×")}` })),
      details && (details.picture ? element("div", { class: "picture" }, drawing(details.picture)) : note(`No picture: ${details.picture_missing}.`))),
    details && responses(details),
    details && element("details", { class: "more" }, element("summary", {}, "LaTeX"), element("pre", { class: "scroll" }, details.latex)),
    jsonTools(layer.layer, `candidate-${layer.candidate}`));
}
function layerArticle(layer, data, open) {
  const longest = 200;
  const body = element("details", { id: `layer-${layer.candidate}`, open }, element("summary", {},
    element("h3", {}, `${layer.rank}. #${layer.candidate}`), element("strong", {}, accuracy(layer.mean)), element("code", { class: "formula" }, layer.text.length > longest ? layer.text.slice(0, longest) + "…" : layer.text)));
  const fill = () => {
    if (body.childElementCount > 1) return;
    if (layer.details) body.append(layerInside(layer, data, layer.text.length <= longest));
    else body.append(server.details(layer.candidate, data));
  };
  if (open) fill();
  body.addEventListener("toggle", () => { if (body.open) fill(); });
  body.fill = fill;
  return element("article", { class: "layer" }, body);
}
function layersSection(data) {
  return section("layers", "The best layers", note("Layers that compute the same function count once. Open one for its graph, what it does, its speed and its JSON."),
    data.layers.map((layer, i) => layerArticle(layer, data, i === 0)));
}
const withMargin = ({ mean, margin }) => accuracy(mean) + (isNumber(margin) ? ` ± ${digits(margin, 4)}` : "");
function againstBest(layer, isBest) {
  const { difference: behind, low, high } = layer.against_best;
  if (isBest || behind === null) return "";
  return `${digits(behind, 4)} (${digits(low, 4)} to ${digits(high, 4)})${layer.separated ? "" : ", not separated"}`;
}
const candidateOrName = (layer) => (layer.candidate === null ? layer.name : openLink(layer.candidate));
/// Of some thousand samples: they say no more below one percent and above 99.
function likelihood(share) {
  if (!isNumber(share)) return "–";
  return share < 0.01 ? "<1%" : share > 0.99 ? ">99%" : percent(share);
}
/// A difference that its interval does not tell from 0.
const isOpen = (difference) => isNumber(difference?.mean) && !(isNumber(difference.margin) && Math.abs(difference.mean) > difference.margin);
function reevaluatedTables(found, images) {
  const { layers, conditions } = found;
  const ranks = (layer) => (layer.first_rank === layer.last_rank ? String(layer.first_rank ?? "–") : `${layer.first_rank} to ${layer.last_rank}`);
  return [table([{ name: "layer" }, { name: "P(best)", number: true }, { name: "rank", number: true }, { name: found.measure ?? "standardized", number: true },
    { name: "against the best", number: true, class: "interval" }, { name: "seeds", number: true }, { name: "formula", class: "formula" }],
    layers.map((layer, i) => [candidateOrName(layer), likelihood(layer.probability_best), ranks(layer), withMargin(layer),
      againstBest(layer, i === 0), whole(layer.seeds), element("code", { class: "formula" }, layer.text)]), { caption: `On ${images} images`, wide: true }),
  conditions.length > 1 && element("details", { class: "more" }, element("summary", {}, `Each of ${conditions.length} conditions`),
    table([{ name: "layer" }, ...conditions.map((condition) => ({ name: condition.name, number: true }))],
      layers.map((layer, i) => [candidateOrName(layer), ...layer.conditions.map((condition) => withMargin(condition) + (i > 0 && isOpen(condition.difference) ? " ≈" : ""))]),
      { caption: "≈: under this condition not separated from the layer that is first." }))];
}
function reevaluationSection(data) {
  const found = data.reevaluation;
  return found && section("reevaluation", "Evaluated again",
    reevaluatedTables(found.validation, "validation"), found.test && reevaluatedTables(found.test, "test"),
    note(`Trained anew by normact reevaluate, for the study ${found.study}, with up to ${whole(found.seeds)} seeds. ± and intervals are of 95%. P(best) is the probability that a layer is the best of these; not separated: these trainings do not show that it is worse.`,
      !found.finished && " The re-evaluation was not finished."));
}

/// Opens a candidate among the best layers; others where the page can fetch them.
function openLayer(candidate) {
  const found = document.getElementById(`layer-${candidate}`);
  if (found) {
    found.open = true;
    found.fill();
    found.querySelector("summary").focus({ preventScroll: true });
    found.scrollIntoView({ block: "start" });
  } else if (server) server.show(candidate);
  else say(`Candidate ${candidate} is not among the layers told in full. See: normact show ${candidate}`);
}
function openLink(candidate) {
  const known = server || (report.layers ?? []).some((layer) => layer.candidate === candidate);
  return known ? element("a", { href: `#layer-${candidate}`, onclick: (event) => { event.preventDefault(); openLayer(candidate); } }, `#${candidate}`) : `#${candidate}`;
}

// ---- the page ----

let report = {};
/// What a page that does not hold all layers asks for: { details(candidate, data), an element; show(candidate) }. Only the live
/// page has one (browse.js).
let server = null;
const builders = [["summary", "Found", summarySection], ["layers", "Layers", layersSection], ["progress", "Progress", progressSection], ["anchors", "Anchors", anchorsSection],
  ["costs", "Cost", costsSection], ["parts", "Parts", useSection], ["genealogy", "Genealogy", genealogySection],
  ["reevaluation", "Evaluated again", reevaluationSection], ["funnel", "Funnel", funnelSection], ["method", "Method", methodSection]];

function build(data, extra = []) {
  report = data;
  const made = [builders[0], ...extra, ...builders.slice(1)].map(([id, name, make]) => [id, name, make(data)]).filter(([, , content]) => content);
  document.getElementById("content").replaceChildren(...made.map(([, , content]) => content));
  document.getElementById("sections").replaceChildren(element("ul", {}, made.map(([id, name]) => element("li", {}, element("a", { href: `#${id}` }, name)))));
}

// For print, the first layers are told in full, and those that are open.
const printed = 5;
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("article.layer > details")].slice(0, printed).filter((details) => !details.open);
  for (const details of opened) { details.open = true; details.fill(); }
  const halfWidth = 340, fullWidth = 700; // pixels on A4 and letter paper
  for (const svg of document.querySelectorAll("svg.chart[tabindex]")) svg.fit(svg.closest(".columns") ? halfWidth : fullWidth);
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
  for (const svg of document.querySelectorAll("svg.chart[tabindex]")) svg.fit();
});

const embedded = document.getElementById("report");
if (embedded) build(JSON.parse(embedded.textContent));
