// Two runs side by side: the current one, and the same under other rules, one that was left, or one by its schedule. An engine of its own
// compares, and is kept for the states of the rows.

views.push({ name: "compare", title: "Two runs", begin: beginCompare });
let pair = null;       // that is shown
let pairAt = 0;        // how many of its rows are behind the reader
let pairOf = null;     // what was compared: [kind, value]
let comparer = null;   // its engine

const compareKinds = { rules: "compare-rules", branch: "compare-branch", run: "compare-schedule" };

// beginCompare fills what is chosen from.
function beginCompare() {
  const others = (place?.branches ?? []).filter((b) => !b.current && b.len);
  $("compare-branch").replaceChildren(...others.map((b) => element("option", { value: b.run }, branchText(b))));
  $("compare-with").querySelector("[value=branch]").disabled = !others.length;
  if (!others.length && $("compare-with").value === "branch") $("compare-with").value = "rules";
  if (!$("compare-list").children.length) $("compare-list").append(...catalogue.generations.map((g) => element("option", { value: g.name }, g.doc)));
  if (!$("compare-rules").value) $("compare-rules").value = place && place.rules !== catalogue.default ? catalogue.default : "refcount-v6";
  $("compare-go").disabled = !place?.len;
  if (!pair && !comparer) sayPair(place?.len ? "The current run is on the left. Choose what stands beside it." : "There is no run yet: explore, or step, in the view Run. It then stands on the left here.");
  showCompareKind();
}

function showCompareKind() { for (const [kind, id] of Object.entries(compareKinds)) $(id).hidden = kind !== $("compare-with").value; }

function sayPair(text, wrong) { $("compare-progress").textContent = text; $("compare-progress").className = wrong ? "wrong" : ""; }

// forgetPair is called when the program changes.
function forgetPair() {
  comparer?.end("the scenario has changed");
  comparer = pair = pairOf = null;
  $("compare-stage").hidden = true;
  if (shown === "compare") beginCompare();
}

async function compareRuns() {
  if (!place?.len) return;
  comparer?.end("another comparison was asked for");
  const kind = $("compare-with").value, value = $(compareKinds[kind]).value.trim(), mine = new Engine(module, () => {});
  comparer = mine;
  $("compare-stop").hidden = false;
  sayPair("running it beside …");
  const p = await mine.ask("compare", { ...request({ schedule: place.run }), against: value }, (t) => { if (mine === comparer) sayPair(`${t.executions.toLocaleString("en")} runs: looking for the rules that it comes of …`); });
  if (mine !== comparer) return;
  $("compare-stop").hidden = true;
  if (p.mistakes) { mine.end("ended"); comparer = null; return sayPair(p.mistakes.map((m) => m.message).join("; "), true); }
  for (const t of [p.with, p.against]) t.steps ??= [];
  p.rows ??= []; p.partings ??= []; p.objects ??= [];
  pair = p; pairOf = [kind, value];
  pairAt = p.partings.length ? p.partings[0].row : p.rows.length;
  sayPair("");
  keep();
  showPair();
}

function stopCompare() {
  comparer?.end("stopped");
  comparer = null;
  $("compare-stop").hidden = true;
}

// showPair draws the rows and where the runs part.
function showPair() {
  $("compare-stage").hidden = false;
  const parted = (q) => element("li", {}, element("button", { type: "button", class: "link", title: "go there", onclick: () => movePair(q.row) }, q.text), q.because ? element("span", { class: "because" }, q.because) : null);
  $("compare-partings").replaceChildren(...(pair.partings.length ? pair.partings.map(parted) : [element("li", {}, "Both go the same way.")]));
  $("compare-ends").replaceChildren(...[0, 1].map((i) => element("p", {}, element("b", {}, pair.names[i]), " " + pair.ends[i])));
  const head = [0, 1].flatMap((i) => [element("th", { scope: "col", colspan: 2 }, pair.names[i]), ...(i ? [] : [element("th", { class: "sign" }, "")])]);
  const body = [], functions = [{}, {}];
  let next = 0;
  const parting = (row) => { for (; next < pair.partings.length && pair.partings[next].row <= row; next++) body.push(element("tr", { class: "parting" }, element("td", { colspan: 5 }, "✂ " + pair.partings[next].text))); };
  for (const g of pairRows()) {
    parting(g.from);
    body.push(element("tr", { "data-from": g.from + 1, "data-to": g.to + 1, tabindex: 0, onclick: () => movePair(g.to + 1), onkeydown: (e) => { if (e.key === "Enter") movePair(g.to + 1); } },
      ...pairSide(g, 0, functions[0]), element("td", { class: "sign", title: pairMarks[g.mark] }, g.mark), ...pairSide(g, 1, functions[1])));
  }
  parting(pair.rows.length);
  $("pairs").replaceChildren(element("colgroup", {}, ...["number", "text", "sign", "number", "text"].map((c) => element("col", { class: c }))), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
  $("compare-slider").max = pair.rows.length;
  movePair(pairAt);
}

const pairMarks = { "=": "the same step", "≠": "the same step, with another value or operation", "<": "a step of the left side only", ">": "a step of the right side only" };

// pairSteps are the steps of a row.
function pairSteps(r) { return [pair.with.steps[r.with - 1], pair.against.steps[r.against - 1]]; }

// pairRows are the rows that are drawn: those of steps that are no matter of their task alone, or not the same, and between them groups.
function pairRows() {
  const all = [], every = $("compare-all").checked, edges = new Set(pair.partings.map((q) => q.row));
  for (const [i, r] of pair.rows.entries()) {
    const steps = pairSteps(r), mark = !r.against ? "<" : !r.with ? ">" : r.differs ? "≠" : "=";
    const alone = every || r.differs || r.late || steps.some((s) => s && (s.shared || s.violations?.length));
    const last = all[all.length - 1], task = (steps[0] ?? steps[1]).task;
    if (!alone && last?.folded && last.task === task && last.mark === mark && !edges.has(i)) { last.to = i; continue; }
    all.push({ from: i, to: i, folded: !alone, task, mark });
  }
  return all;
}

// pairSide is what one side does in rows: the number of its last step, and the text.
function pairSide(g, side, functions) {
  const rows = pair.rows.slice(g.from, g.to + 1).filter((r) => pairSteps(r)[side]), steps = rows.map((r) => pairSteps(r)[side]);
  if (!steps.length) return [element("td"), element("td")];
  const s = steps[steps.length - 1], parts = [], task = pair.with.tasks.indexOf(s.task);
  if (steps.length > 1 || g.folded) {
    parts.push(element("span", { class: "fn" }, `${String.fromCharCode(65 + task)} … ${steps.length} ${steps.length === 1 ? "step" : "steps"}: ${[...new Set(steps.map((x) => x.function))].filter(Boolean).join(", ")}`));
  } else {
    if (functions[s.task] !== s.stack.join("/")) parts.push(element("span", { class: "fn" }, `${s.task}: ` + [s.statement, ...s.stack.slice(1)].filter(Boolean).join(" › ")));
    parts.push(element("span", { title: s.operation }, String.fromCharCode(65 + task) + " " + (s.cell && (s.old || s.new) ? doing(s).slice(s.operation.length + 1) : doing(s))));
    if (rows[0].late) parts.push(element("span", { class: "fn" }, `as step ${rows[0].late}, later`));
    for (const v of s.violations ?? []) parts.push(element("span", { class: "broke" }, "✗ " + v));
  }
  functions[s.task] = s.stack.join("/");
  return [element("td", { class: "number" }, String(s.step)), element("td", { class: "mine", style: `--t: var(--t${task % 6})` }, ...parts)];
}

// movePair goes behind so many rows on both sides.
let pairWanted = null;
async function movePair(to) {
  pairAt = Math.max(0, Math.min(to, pair.rows.length));
  $("compare-slider").value = pairAt;
  const at = pair.rows.slice(0, pairAt).reduce((n, r) => [Math.max(n[0], r.with), Math.max(n[1], r.against)], [0, 0]);
  $("compare-at").textContent = `${at[0]} | ${at[1]}`;
  $("compare-slider").setAttribute("aria-valuetext", `step ${at[0]} on the left, ${at[1]} on the right`);
  $("compare-back").disabled = pairAt === 0; $("compare-forth").disabled = pairAt === pair.rows.length;
  let now = null;
  for (const tr of $("pairs").querySelectorAll("tbody tr[data-from]")) {
    const here = tr.dataset.from <= pairAt && pairAt <= tr.dataset.to;
    tr.className = here ? "now" : tr.dataset.from > pairAt ? "ahead" : "";
    if (here) { tr.setAttribute("aria-current", "step"); now = tr; } else tr.removeAttribute("aria-current");
  }
  const box = $("pairs-box");
  if (now && (now.offsetTop < box.scrollTop + 60 || now.offsetTop + now.offsetHeight > box.scrollTop + box.clientHeight)) box.scrollTop = now.offsetTop - box.clientHeight / 2;
  const first = pairWanted === null;
  pairWanted = pairAt;
  while (first && pairWanted !== null) {
    const row = pairWanted, mine = comparer, s = await mine.ask("beside", row);
    if (mine === comparer && !s.mistakes) showPairState(s);
    if (pairWanted === row || mine !== comparer) pairWanted = null;
  }
}

function showPairState(s) {
  $("compare-cells").replaceChildren(element("thead", {}, element("tr", {}, ...["", pair.names[0], pair.names[1]].map((t) => element("th", { scope: "col" }, t)))),
    element("tbody", {}, ...(s.cells ?? []).map((c) => element("tr", { class: c.differs ? "changed" : null }, element("td", {}, (c.differs ? "≠ " : "") + c.name), element("td", {}, c.with), element("td", {}, c.against)))));
  for (const i of [0, 1]) $("compare-maps-" + i).textContent = pair.names[i] + "\n" + (s.spaces[i] ?? []).map((m) => m.name + ":\n" + m.lines.map((l) => "  " + l).join("\n")).join("\n");
}

// pairStep goes to the row that is drawn before or behind.
function pairStep(forth) {
  const ends = [0, ...[...$("pairs").querySelectorAll("tbody tr[data-to]")].map((tr) => +tr.dataset.to)];
  movePair(forth ? ends.find((n) => n > pairAt) ?? pairAt : ends.findLast((n) => n < pairAt) ?? 0);
}

$("compare-which").onsubmit = (e) => { e.preventDefault(); compareRuns(); };
$("compare-with").onchange = showCompareKind;
$("compare-stop").onclick = stopCompare;
$("compare-all").onchange = () => pair && showPair();
$("compare-slider").oninput = () => movePair(+$("compare-slider").value);
$("compare-back").onclick = () => pairStep(false);
$("compare-forth").onclick = () => pairStep(true);
addEventListener("keydown", (e) => {
  if (!pair || shown !== "compare" || e.ctrlKey || e.metaKey || e.altKey || /TEXTAREA|SELECT|INPUT/.test(e.target.tagName)) return;
  const keys = { ArrowLeft: () => pairStep(false), ArrowRight: () => pairStep(true), Home: () => movePair(0), End: () => movePair(pair.rows.length) };
  if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
});
