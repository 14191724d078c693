// The run as columns with arrows.

function colour(task) { return `--t: var(--t${whole.tasks.indexOf(task) % 6})`; }
function letter(task) { return String.fromCharCode(65 + whole.tasks.indexOf(task)); }

// doing words what a step does.
function doing(s) {
  if (!s.cell) return s.operation;
  if (!s.old && !s.new) return s.operation + " " + s.cell;
  return s.old === s.new || !s.new ? `${s.operation} ${s.cell} = ${s.old}` : `${s.operation} ${s.cell} ${s.old} → ${s.new}`;
}

// rows are the steps that the grain shows: [first, last] of those folded into one.
function rows() {
  const grain = $("grain").value, all = [];
  for (const [i, s] of whole.steps.entries()) {
    const last = all[all.length - 1];
    const alone = grain === "all" || (grain === "shared" && (s.shared || s.violations?.length || i + 1 === place.at));
    const joins = last && last.folded && last.task === s.task && (grain === "statements" ? last.statement === s.statement : true);
    if (!alone && joins) { last.to = i; continue; }
    all.push({ from: i, to: i, folded: !alone, task: s.task, statement: s.statement });
  }
  return all;
}

function showSteps() {
  const body = [], functions = {}, bands = lanes();
  for (const r of rows()) {
    const s = whole.steps[r.to], mine = whole.tasks.indexOf(s.task);
    const parts = [];
    if (r.folded && (r.to > r.from || $("grain").value === "statements")) {
      const names = [...new Set(whole.steps.slice(r.from, r.to + 1).map((x) => x.function))].filter(Boolean);
      parts.push(element("span", { class: "fn" }, $("grain").value === "statements" ? `${s.statement}: ${r.to - r.from + 1} steps` : `… ${r.to - r.from + 1} steps: ${names.join(", ")}`));
    } else {
      if (functions[s.task] !== s.stack.join("/")) parts.push(element("span", { class: "fn" }, [s.statement, ...s.stack.slice(1)].filter(Boolean).join(" › ")));
      parts.push(doing(s) + (s.from ? ` ⟵ ${s.from}` : ""));
      for (const n of s.notes ?? []) parts.push(element("span", { class: "fn" }, n));
    }
    functions[s.task] = s.stack.join("/");
    for (const v of s.violations ?? []) parts.push(element("span", { class: "broke" }, "✗ " + v));
    const cells = whole.tasks.map((t, i) => (i === mine ? element("td", { class: "mine", style: colour(t) }, ...parts) : element("td")));
    const now = r.from < place.at && place.at <= r.to + 1;
    body.push(element("tr", { class: now ? "now" : r.from >= place.at ? "ahead" : null, "data-from": r.from + 1, "data-to": r.to + 1, tabindex: 0, "aria-current": now ? "step" : null,
      onclick: () => run("go " + (r.to + 1)), onkeydown: (e) => { if (e.key === "Enter") run("go " + (r.to + 1)); } }, element("td", {}, String(r.to + 1)), ...cells, ...bands.all.map(() => element("td", { class: "band" }))));
  }
  $("steps").replaceChildren(element("thead", {}, element("tr", {}, element("th", { scope: "col" }, ""), ...whole.tasks.map((t) => element("th", { scope: "col", style: colour(t) }, `${letter(t)} ${t}`)), ...laneHeads(bands))),
    element("tbody", {}, ...body));
  const now = $("steps").querySelector(".now"), box = $("lanes");
  if (now && (now.offsetTop < box.scrollTop + 30 || now.offsetTop + now.offsetHeight > box.scrollTop + box.clientHeight)) box.scrollTop = now.offsetTop - box.clientHeight / 2;
  draw();
}

// draw draws an arrow from each write to the step of another task that saw it.
function draw() {
  const out = $("arrows"), at = [];
  for (const tr of $("steps").tBodies[0].rows) for (let n = +tr.dataset.from; n <= +tr.dataset.to; n++) at[n] = tr;
  const of = (n) => at[n]?.querySelector(".mine");
  out.replaceChildren();
  const box = $("steps").getBoundingClientRect();
  out.setAttribute("width", box.width); out.setAttribute("height", box.height);
  for (const s of whole.steps) {
    if (!s.from || s.step > place.at) continue;
    const a = of(s.from)?.getBoundingClientRect(), b = of(s.step)?.getBoundingClientRect();
    if (!a || !b || a.top === b.top) continue;
    const right = b.left > a.left, x1 = (right ? a.right : a.left) - box.left, y1 = a.bottom - 8 - box.top, x2 = (right ? b.left : b.right) - box.left, y2 = b.bottom - 8 - box.top;
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${x1} ${y1} C${x1 + (right ? 14 : -14)} ${y1}, ${x2 + (right ? -14 : 14)} ${y2}, ${x2} ${y2}`);
    if (s.step === place.at) path.setAttribute("class", "now");
    out.append(path);
  }
  drawBands(lanes());
}
