// The state that the run has come to: address spaces as bars, locks, lives, cells, page table entries, and the object that one follows.

let followed = ""; // the object or the cell whose steps one goes to, "" for none

// concerns reports whether a step has to do with an object or a cell.
function concerns(s, name) {
  return s.cell === name || s.cell.startsWith(name + ".") || (s.notes ?? []).some((n) => n.startsWith(name + " ") || n.endsWith(" " + name));
}

// follow begins to follow an object or a cell, or ends to.
function follow(name) {
  followed = name === followed ? "" : name;
  keep();
  showState();
}

// goAlong goes to the next step that touches what is followed, or to the one before.
function goAlong(direction) {
  if (!followed) return;
  const all = whole.steps.filter((s) => concerns(s, followed)).map((s) => s.step);
  const to = direction > 0 ? all.find((n) => n > place.at) : all.findLast?.((n) => n < place.at) ?? [...all].reverse().find((n) => n < place.at);
  if (to) run("go " + to);
}

function showFollowed() {
  const steps = followed ? whole.steps.filter((s) => concerns(s, followed)).map((s) => s.step) : [];
  for (const tr of $("steps").tBodies[0]?.rows ?? []) tr.classList.toggle("touches", steps.some((n) => +tr.dataset.from <= n && n <= +tr.dataset.to));
  $("followed").hidden = !followed;
  if (!followed) return;
  const before = steps.filter((n) => n < place.at).length, on = steps.includes(place.at), next = steps.find((n) => n > place.at), last = steps.filter((n) => n < place.at).pop();
  $("followed").replaceChildren(element("b", {}, followed), ` ${steps.length} ${steps.length === 1 ? "step" : "steps"} touch it`, on ? `, this is number ${before + 1} ` : " ",
    element("button", { type: "button", disabled: !last, title: "the step before that touches it ([)", "aria-label": "the step before that touches " + followed, onclick: () => goAlong(-1) }, last ? `‹ ${last}` : "‹"),
    element("button", { type: "button", disabled: !next, title: "the next step that touches it (])", "aria-label": "the next step that touches " + followed, onclick: () => goAlong(1) }, next ? `${next} ›` : "›"),
    element("button", { type: "button", title: "follow it no longer (Escape)", "aria-label": "follow it no longer", onclick: () => follow(followed) }, "×"));
}

// toFollow is a name that one clicks to follow it.
function toFollow(name) {
  return element("button", { type: "button", class: "link", "aria-pressed": String(name === followed), title: "go along the steps that touch " + name, onclick: () => follow(name) }, name);
}

// toStep is a step that one clicks to go to it.
function toStep(n, before = "step ") {
  return n ? element("button", { type: "button", class: "link", title: "go to step " + n, onclick: () => run("go " + n) }, before + n) : "the beginning";
}

function showState() {
  const s = place.state ?? {};
  $("spaces").replaceChildren(...(s.spaces ?? []).flatMap(spacePicture));
  const lives = (s.lives ?? []).filter((l) => l.changed || l.since || whole.steps.some((x) => concerns(x, l.name)));
  showList("lives", lives.map((l) => item(l.changed, toFollow(l.name), ` ${l.is} since `, toStep(l.since), l.next ? `; its memory is now that of ${l.next}` : "")));
  const locks = (s.locks ?? []).flatMap((l) => [...(l.holders ?? []).map((h) => item(h.changed, toFollow(l.name), ` ${h.mode}: `, task(h.task), ` since `, toStep(h.since))),
    ...(l.queue ?? []).map((q) => item(q.changed, toFollow(l.name), ": ", task(q.task), ` ${q.granted ? "may go on" : "waits"} to ${q.mode} since `, toStep(q.since))),
    ...(l.changed && !l.holders?.length && !l.queue?.length ? [item(true, toFollow(l.name), " is free")] : [])]);
  const sections = (s.rcu?.sections ?? []).map((r) => item(r.changed, task(r.task), ` is inside ${r.of} since `, toStep(r.since)));
  const waits = (s.rcu?.waiting ?? []).map((w) => item(w.changed, task(w.task), `: ${w.by} waits since `, toStep(w.since), w.for?.length ? ` for ${w.for.join(", ")}` : ": over, and not noticed yet", w.frees?.length ? `, then frees ${w.frees.join(", ")}` : ""));
  showList("locks", [...locks, ...sections, ...waits]);
  showWatches(s.watches);
  const cells = place.cells.filter((c) => c.shared || c.wanted || c.changed || $("grain").value === "all").sort((a, b) => b.shared - a.shared);
  $("cells").replaceChildren(element("caption", { class: "sr" }, "cells, those that tasks share first"), ...cells.map((c) => element("tr", { class: c.changed ? "changed" : c.shared ? null : "own" },
    element("td", {}, toFollow(c.name), ...whatIs(c.name)), element("td", {}, c.changed ? `${c.before} → ${c.value}` : c.value), element("td", {}, c.step ? element("span", {}, element("b", { class: "task", style: colour(c.writer), title: c.writer }, letter(c.writer)), " ", toStep(c.step)) : ""))));
  const entries = (s.spaces ?? []).flatMap((m) => (m.entries ?? []).map((e) => ({ ...e, space: m.name })));
  $("entries").closest("details").hidden = !entries.some((e) => e.is !== "nothing" || e.changed);
  $("entries").replaceChildren(...entries.map((e) => element("tr", { class: e.changed ? "changed" : null }, element("td", {}, (s.spaces.length > 1 ? e.space + " " : "") + e.place), element("td", {}, (e.changed ? (e.was || "nothing") + " → " : "") + entryWords(e)))));
  showFollowed();
}

const task = (name) => element("b", { class: "task", style: whole.tasks.includes(name) ? colour(name) : null }, whole.tasks.includes(name) ? `${letter(name)} ${name}` : name);
const item = (changed, ...parts) => element("li", { class: changed ? "changed" : null }, ...parts);
const entryWords = (e) => [e.is, e.present && !e.writable && !e.no_access && "read-only", e.writable && "writable", e.no_access && "no access", e.young && "young", e.dirty && "dirty"].filter(Boolean).join(" ");

function showList(id, items) {
  $(id).replaceChildren(...items);
  $(id).previousElementSibling.hidden = !items.length;
}

// showWatches shows what the session watches.
function showWatches(all) {
  $("watches").replaceChildren(...(all ?? []).map((w, i) => element("tr", { class: w.changed ? "changed" : null }, element("td", {}, w.watch), element("td", {}, w.changed ? `${w.before || "?"} → ${w.value}` : w.value || "not touched yet"),
    element("td", {}, element("button", { type: "button", "aria-label": "end to watch " + w.watch, onclick: () => run("unwatch " + (i + 1)) }, "×")))));
}

// watch asks the session to watch a cell, or a comparison.
async function watch() {
  const text = $("watch-text").value.trim();
  if (!text) return;
  await run("watch " + text);
  if (!place.wrong) $("watch-text").value = "";
}

// areasBefore are what an address space had mapped before the last step, with its pages; null if that step has changed neither.
function areasBefore(m) {
  const changes = place.trace.between ?? [], last = changes[changes.length - 1];
  const pages = (place.trace.entries ?? []).filter((c) => c.step === place.at && c.space === m.name);
  if (!place.at || last?.step !== place.at && !pages.length) return null;
  const now = m.areas ?? [];
  const was = last?.step === place.at ? (changes[changes.length - 2]?.spaces ?? place.trace.before).find((x) => x.name === m.name)?.areas ?? [] : now;
  const before = was.map((a) => ({ ...a, changed: false, pages: [] }));
  const present = new Map(now.flatMap((a) => (a.pages ?? []).map((p) => [p.at, p])));
  for (const c of pages) { present.delete((c.was ?? c.is).at); if (c.was?.present) present.set(c.was.at, c.was); }
  for (const a of before) a.pages = [...present.values()].filter((p) => +a.start <= +p.at && +p.at < +a.end);
  const same = (a, b) => a.vma === b.vma && a.start === b.start && a.end === b.end && a.rights === b.rights && a.anon_vma === b.anon_vma && a.itself === b.itself;
  for (const a of before) a.changed = !now.some((b) => same(a, b));
  return before.length === now.length && !before.some((a) => a.changed) && !pages.some((c) => !!c.was?.present !== !!c.is?.present || c.was?.writable !== c.is?.writable || c.was?.frame !== c.is?.frame) ? null : before;
}

// areaWords say what is mapped.
function areaWords(areas) {
  return areas.length ? areas.map((a) => `${a.vma} ${a.place} ${a.rights}` + (a.itself ? `, which itself says ${a.itself}` : "") + (a.anon_vma ? `, ${a.anon_vma}` : "")
    + (a.pages?.length ? `, ${a.pages.length} ${a.pages.length === 1 ? "page" : "pages"} present` : ", no page present") + (a.changed ? ", changed" : "")).join("; ") : "nothing is mapped";
}

const page = 4096, barWidth = 340;

// spacePicture is an address space: a heading, and its bar, with that before the last step above if it was another.
function spacePicture(m) {
  const now = m.areas ?? [], before = areasBefore(m), all = [...now, ...(before ?? [])];
  const spans = []; // ranges that something maps, in order
  for (const a of [...all].sort((x, y) => x.start - y.start)) {
    const last = spans[spans.length - 1];
    if (last && +a.start <= last.end) last.end = Math.max(last.end, +a.end);
    else spans.push({ start: +a.start, end: +a.end });
  }
  const gap = 16, pages = spans.reduce((n, s) => n + (s.end - s.start) / page, 0), each = (barWidth - 2 - gap * Math.max(0, spans.length - 1)) / Math.max(pages, 1);
  let left = 1;
  for (const s of spans) { s.left = left; left += ((s.end - s.start) / page) * each + gap; }
  const x = (at) => { const s = spans.find((r) => r.start <= at && at <= r.end); return s.left + ((at - s.start) / page) * each; };
  const owners = [...new Set(all.map((a) => a.anon_vma).filter(Boolean))];
  const row = (areas, y) => [
    ...spans.slice(1).map((s) => svg("text", { x: s.left - gap / 2, y: y + 15, class: "gap" }, "⋯")),
    ...areas.map((a) => {
      const x1 = x(+a.start), w = x(+a.end) - x1, name = `${a.vma} ${a.rights}`, short = w > name.length * 7.4 ? name : w > a.vma.length * 7.4 ? a.vma : w > 20 ? a.vma.replace("vma", "") : "";
      return svg("g", { class: "area" + (a.changed ? " changed" : "") + (a.vma === followed ? " followed" : ""), onclick: () => follow(a.vma) }, svg("title", {}, areaWords([a])),
        svg("rect", { x: x1, y, width: w, height: 22 }), a.rights.includes("w") ? svg("path", { class: "writes", d: `M${x1} ${y + 22}h${w}` }) : null, svg("text", { x: x1 + 3, y: y + 15 }, short),
        ...(a.pages ?? []).map((p) => svg("rect", { class: "present" + (p.writable ? " writable" : ""), x: x(+p.at) + Math.min(1, each / 8), y: y + 25, width: Math.max(1.5, each - Math.min(2, each / 4)), height: 7 })),
        a.anon_vma ? svg("path", { class: "owner owner" + (owners.indexOf(a.anon_vma) % 3), d: `M${x1 + 2} ${y + 37}h${Math.max(2, w - 4)}` }) : null,
        a.anon_vma && w > a.anon_vma.length * 7.3 ? svg("text", { class: "small", x: x1 + 3, y: y + 47 }, a.anon_vma) : null);
    })];
  const height = owners.length ? 50 : 36, both = before ? [svg("text", { x: 0, y: 10, class: "when" }, `before step ${place.at}`), ...row(before, 14), svg("text", { x: 0, y: height + 24, class: "when" }, "after it"), ...row(now, height + 28)] : row(now, 2);
  const words = (before ? `before step ${place.at}: ${areaWords(before)}. After it: ` : "") + areaWords(now);
  const marks = now.filter((a) => a.itself).map((a) => element("p", { class: "small" }, `${a.vma} itself says ${a.itself}`));
  return [element("h3", {}, m.name, " ", element("small", {}, now.length ? now.map((a) => `${a.place} ${a.rights}`).join(", ") : "empty")),
    ...(all.length ? [svg("svg", { class: "space", role: "img", "aria-label": `${m.name}: ${words}`, viewBox: `0 0 ${barWidth} ${before ? 2 * height + 30 : height + 4}` }, ...both)] : []), ...marks];
}
