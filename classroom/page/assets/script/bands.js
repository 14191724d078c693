// Bands beside the columns: the lives of VMAs, who holds mmap_lock, read sections, and the grace periods that wait for them.

function svg(name, attributes = {}, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (value != null && value !== false) e.setAttribute(key, value);
  }
  e.append(...children.filter((c) => c != null));
  return e;
}

const mostLanes = 6; // more would leave no room for the steps

// lanes are the bands that have a column: one for each piece of memory that VMAs live in, one after the other, and one for each mmap_lock.
function lanes() {
  const t = whole, held = t.holdings ?? [], queued = t.queued ?? [];
  const touched = new Set(t.steps.map((s) => s.cell.split(".")[0]));
  const lives = (t.lives ?? []).filter((l) => l.phases?.length), byName = new Map(lives.map((l) => [l.name, l]));
  const first = (l) => { while (byName.has(l.after)) l = byName.get(l.after); return l.name; };
  const all = new Map();
  for (const l of lives) {
    const name = first(l);
    if (!all.has(name)) all.set(name, { title: name, names: [], parts: [], held: [], busy: false });
    const lane = all.get(name), next = lives.find((o) => o.after === l.name), life = lane.names.length;
    lane.names.push(l.name);
    lane.busy ||= touched.has(l.name) || l.phases.length > 1 || l.freed > 0 || held.some((h) => h.lock === l.name);
    for (const [i, p] of l.phases.entries()) lane.parts.push({ of: l.name, life, is: p.is, from: p.from, to: l.phases[i + 1]?.from ?? l.freed });
    if (l.freed) lane.parts.push({ of: l.name, life, is: "freed", from: l.freed, to: next?.born ?? 0 });
    for (const h of held.filter((x) => x.lock === l.name)) lane.held.push(h);
  }
  const found = [...all.values()].filter((l) => l.busy);
  for (const lock of new Set([...held, ...queued].map((h) => h.lock).filter((n) => n.endsWith(".mmap_lock")))) {
    found.push({ title: lock, names: [lock], parts: [], held: [...held.filter((h) => h.lock === lock), ...queued.filter((q) => q.lock === lock).map((q) => ({ ...q, waits: true }))] });
  }
  return { all: found.slice(0, mostLanes), more: found.length - mostLanes };
}

// sections are the read sections and the grace periods, which stand in the columns of their tasks.
function sections() {
  const inside = (whole.holdings ?? []).filter((h) => h.mode === "inside").map((h) => ({ task: h.task, of: h.lock, from: h.from, to: h.to }));
  const graces = (whole.grace_periods ?? []).map((g) => ({ ...g, grace: true,
    awaits: inside.filter((s) => s.of === g.of && s.task !== g.task && s.from < g.from && (!s.to || s.to > g.from)) }));
  return [...inside, ...graces];
}

// laneHeads are the heads of the columns of lanes.
function laneHeads(found) {
  return found.all.map((l) => element("th", { scope: "col", class: "band", title: l.names.join(", then ") }, toFollow(l.title)));
}

const lasted = (b) => (b.from ? `from step ${b.from}` : "from the beginning") + (b.to ? ` to ${b.to}` : " on");
const holding = (h) => `${h.task} ${h.waits ? "waits to " + h.mode : { read: "reads", write: "writes", reference: "has a reference" }[h.mode] ?? h.mode} ${lasted(h)}`;
const sectionWords = (s) => s.grace ? `${s.task}: ${s.by} waits ${lasted(s)}` + (s.awaits.length ? " for " + s.awaits.map((a) => a.task).join(", ") : "") + (s.frees?.length ? ", then frees " + s.frees.join(", ") : "")
  : `${s.task} is inside ${s.of} ${lasted(s)}`;

// bandWords says in words what the bands show.
function bandWords(found) {
  const said = found.all.map((l) => l.title + ": " + [...l.parts.map((p) => `${p.of === l.title ? "" : p.of + " "}${p.is} ${lasted(p)}`), ...l.held.map(holding)].join("; "));
  return [...said, ...sections().map(sectionWords)].join(". ");
}

// hatch is what a part of a life is filled with beside its colour: lines, which colour-blind eyes and printers see.
function hatch(is, x, y, w, h) {
  let d = "";
  if (is === "detached") for (let at = y - w; at < y + h; at += 6) {
    const y1 = Math.max(at, y), y2 = Math.min(at + w, y + h);
    if (y2 > y1) d += `M${x + (y1 - at)} ${y1}L${x + (y2 - at)} ${y2}`;
  }
  if (is === "made") for (let at = y + 3; at < y + h; at += 6) d += `M${x} ${at}h${w}`;
  if (is === "waits") for (let at = y + 2; at < y + h; at += 5) d += `M${x + 3} ${at}h1M${x + w - 4} ${at + 2.5}h1`;
  return d && svg("path", { d, class: "hatch" });
}

// drawBands draws them over the table of the steps.
function drawBands(found) {
  const out = $("bands"), table = $("steps");
  const spots = [0]; // where each step lies
  for (const tr of table.tBodies[0]?.rows ?? []) {
    const from = +tr.dataset.from, n = +tr.dataset.to - from + 1;
    for (let i = 0; i < n; i++) spots[from + i] = tr.offsetTop + (tr.offsetHeight * (i + 0.5)) / n;
  }
  const top = table.tHead.offsetHeight, bottom = table.offsetHeight;
  spots[0] = top;
  const y1 = (b) => spots[b.from] ?? bottom, y2 = (b) => Math.max(y1(b) + 3, b.to ? spots[b.to] ?? bottom : bottom);
  const heads = [...table.tHead.rows[0].cells], narrow = heads[heads.length - 1]?.offsetWidth < 40;
  const goTo = (b) => () => run("go " + b.from);
  out.setAttribute("width", table.offsetWidth); out.setAttribute("height", bottom);
  out.setAttribute("aria-label", bandWords(found));
  const drawn = [], beside = (text, x, y, h, cls) => { if (!narrow && h > text.length * 6.2 + 6) drawn.push(svg("text", { x: 0, y: 0, class: cls, transform: `translate(${x} ${y + 4}) rotate(90)` }, text)); };
  for (const [i, lane] of found.all.entries()) {
    const x = heads[1 + whole.tasks.length + i].offsetLeft + 3, w = 13;
    for (const p of lane.parts) {
      const y = y1(p), h = y2(p) - y;
      const stripes = p.is === "freed" ? "" : Array.from({ length: Math.min(p.life, 3) }, (_, k) => `M${x + ((k + 1) * w) / (Math.min(p.life, 3) + 1)} ${y}v${h}`).join("");
      drawn.push(svg("g", { class: `life ${p.is} life${p.life % 2}`, onclick: goTo(p) }, svg("title", {}, `${p.of}: ${p.is} ${lasted(p)}`), svg("rect", { x, y, width: w, height: h }),
        hatch(p.is, x, y, w, h) || null, stripes ? svg("path", { d: stripes, class: "stripe" }) : null));
      beside(`${p.of} ${p.is}`, x + w + (lane.held.length ? 12 : 3), y, h, "");
    }
    const columns = []; // of what is held at the same time
    for (const h of lane.held) {
      let c = columns.findIndex((end) => end && end <= h.from);
      if (c < 0) c = columns.length;
      columns[c] = h.to;
      const y = y1(h), tall = y2(h) - y, wide = h.mode === "write" && !h.waits ? 8 : 5, left = x + (lane.parts.length ? w + 2 : 0) + Math.min(c, 2) * 9;
      drawn.push(svg("g", { class: "held" + (h.waits || h.mode === "reference" || h.mode === "readers kept out" ? " partly" : ""), style: colour(h.task), onclick: goTo(h) },
        svg("title", {}, `${lane.title}: ${holding(h)}`), svg("rect", { x: left, y, width: wide, height: tall }), tall > 12 ? svg("text", { x: left + wide / 2, y: y + 9, class: "letter" }, letter(h.task)) : null));
      if (!lane.parts.length) beside(h.waits ? "waits to " + h.mode : h.mode, left + 11, y, tall, "");
    }
  }
  for (const s of sections()) {
    const th = heads[1 + whole.tasks.indexOf(s.task)];
    if (!th) continue;
    const x = th.offsetLeft + th.offsetWidth - (s.grace ? 6 : 12), y = y1(s), h = y2(s) - y;
    drawn.push(svg("g", { class: "section" + (s.grace ? " grace" : s.of === "rcu_read_lock" ? "" : " access"), style: colour(s.task), onclick: goTo(s) }, svg("title", {}, sectionWords(s)),
      svg("rect", { x, y, width: 5, height: h }), s.grace ? hatch("detached", x, y, 5, h) || null : null));
    for (const a of s.grace ? s.awaits : []) {
      const other = heads[1 + whole.tasks.indexOf(a.task)], from = other.offsetLeft + other.offsetWidth - 9;
      drawn.push(svg("path", { class: "awaits", d: `M${from} ${y2(a)}L${x + 2} ${Math.max(y2(a), y1(s))}` }, svg("title", {}, `${s.task} waits for the section of ${a.task}`)));
    }
  }
  if (place.at < whole.steps.length && found.all.length) { // what is yet to come is pale, as its steps are
    const x = heads[1 + whole.tasks.length].offsetLeft, y = spots[place.at] + 1;
    drawn.push(svg("rect", { class: "yet", x, y, width: table.offsetWidth - x, height: Math.max(0, bottom - y) }));
  }
  out.replaceChildren(...drawn);
  legend(found);
}

// setPaper gives the columns the width that they have on paper, for which the bands are drawn; printing lays them out anew.
function setPaper(on) {
  document.documentElement.classList.toggle("paper", on);
  if (place) draw();
}

// legend says what the patterns mean, of those that are there.
function legend(found) {
  const there = new Set(found.all.flatMap((l) => l.parts.map((p) => p.is)));
  const words = { made: "made, not attached", attached: "attached", detached: "detached", waits: "freed, kept for a grace period", freed: "freed" };
  const swatch = (cls, fill, ...more) => svg("svg", { width: 16, height: 13, "aria-hidden": "true" }, svg("g", { class: cls }, svg("rect", { x: 1, y: 1, width: 13, height: 11 }), fill || null, ...more));
  const all = Object.keys(words).filter((is) => there.has(is)).map((is) => [swatch(`life ${is} life0`, hatch(is, 1, 1, 13, 11)), words[is]]);
  if (found.all.some((l) => l.names.length > 1 && l.parts.length)) all.push([swatch("life attached life1", null, svg("path", { d: "M7.5 1v11", class: "stripe" })), "the next life in the same memory"]);
  if (found.all.some((l) => l.held.length)) all.push([swatch("held"), "held"], [swatch("held partly"), "a reference, readers kept out, or a wait"]);
  const s = sections();
  if (s.some((x) => !x.grace)) all.push([swatch("section"), "read section"]);
  if (s.some((x) => x.grace)) all.push([swatch("section grace", hatch("detached", 1, 1, 13, 11)), "wait for a grace period"]);
  if (found.more > 0) all.push(["", `${found.more} more VMAs and locks are not drawn`]);
  $("legend").replaceChildren(...all.map(([picture, text]) => element("span", {}, picture, " " + text)));
}
