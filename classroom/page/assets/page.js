// The page: a scenario and its rules on the left, a run of it on the right. What is shown comes from the engine, which runs in workers.
"use strict";
const $ = (id) => document.getElementById(id);
const lesson = JSON.parse($("lesson").textContent);

// element makes an element with attributes and children.
function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (value === true) e.setAttribute(key, "");
    else if (value !== false && value != null) e.setAttribute(key, value);
  }
  e.append(...children.filter((c) => c != null));
  return e;
}

function trouble(text) { $("trouble").textContent = text; $("trouble").hidden = !text; }

// Engine is the engine in a worker. Its questions are answered one after the other.
class Engine {
  static source;
  constructor(load, died) {
    this.asked = new Map(); this.last = 0;
    Engine.source ??= URL.createObjectURL(new Blob([$("wasm-exec").textContent, "\n", $("worker").textContent], { type: "text/javascript" }));
    this.worker = new Worker(Engine.source);
    this.loaded = new Promise((done, fail) => {
      this.worker.onmessage = ({ data }) => {
        if (data.loaded) return done(data.loaded);
        if (data.died) { fail(new Error(data.died)); this.end(data.died); return died(data.died); }
        const q = this.asked.get(data.id);
        if (data.progress) return q?.tell?.(data.progress);
        this.asked.delete(data.id);
        q?.done(data.answer);
      };
      this.worker.onerror = (e) => { fail(new Error(e.message)); died(e.message); };
    });
    this.worker.postMessage({ load });
  }
  ask(what, value, tell) {
    return new Promise((done) => {
      const id = ++this.last;
      this.asked.set(id, { done, tell });
      this.worker.postMessage({ id, what, value });
    });
  }
  cancel() { this.worker.postMessage({ cancel: true }); }
  end(why) {
    this.worker.terminate();
    for (const q of this.asked.values()) q.done({ mistakes: [{ line: 0, column: 0, message: why }] });
    this.asked.clear();
  }
}

let module;          // the compiled engine, for the workers of searches
let stage;           // the engine that the session lives in
let search = null;   // the engine of the search that is under way
let catalogue;
let place = null;    // where the session stands
let whole = null;    // the trace of its run with the steps that were taken back
let mistakes = [];
let own = "";        // the text of the chosen scenario as it was

async function begin() {
  if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function" || typeof Worker !== "function") {
    return trouble("This browser cannot run the engine: it lacks WebAssembly, workers or DecompressionStream. Use one of 2023 or later.");
  }
  const text = $("engine").textContent.trim();
  if (!text) return trouble("This page was made without the engine.");
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  $("engine").textContent = "";
  stage = new Engine(bytes, died);
  try { module = await stage.loaded; } catch (e) { return trouble("The engine does not start: " + e.message); }
  catalogue = await stage.ask("list");
  catalogue.scenarios.unshift(...lesson.own);
  fill();
  await restore();
  document.documentElement.dataset.ready = "yes";
}

// died puts another engine in the place of one that has ended.
function died(why) {
  if (!module) return;
  trouble("The engine has ended (" + why + "). Another one was started; the run is gone, the scenario is as you left it.");
  stage = new Engine(module, died);
  place = whole = null;
  show();
}

// fill fills what is chosen from.
function fill() {
  const kinds = { own: "Of this lesson", litmus: "Litmus tests", bug: "Bugs that the kernel has had" };
  for (const kind of Object.keys(kinds)) {
    const names = catalogue.scenarios.filter((s) => s.kind === kind && (!lesson.scenarios.length || lesson.scenarios.includes(s.name)));
    if (names.length) $("scenario").append(element("optgroup", { label: kinds[kind] }, ...names.map((s) => element("option", { value: s.name, title: s.title }, s.name))));
  }
  $("generation").append(element("option", { value: "" }, "the scenario's own"), ...catalogue.generations.map((g) => element("option", { value: g.name, title: g.doc }, g.name)));
  for (const f of catalogue.families) {
    $("families").append(element("h3", {}, f.name + ": ", element("small", {}, f.doc)));
    for (const r of f.rules) {
      const box = element("input", { type: "checkbox", value: r.name, onchange: rulesChanged });
      $("families").append(element("label", { title: "since " + r.since + (r.breaks ? "\nwithout: " + r.breaks : "") }, box, " ", r.name, " ", element("small", {}, r.doc)));
    }
  }
  resetRules();
}

function boxes() { return [...$("families").querySelectorAll("input")]; }
function ruleOf(name) { return catalogue.families.flatMap((f) => f.rules).find((r) => r.name === name); }

function resetRules() { for (const b of boxes()) { b.indeterminate = true; b.checked = false; } }

// rules returns the rules that are asked for, "" for the scenario's own.
function rules() {
  const settings = boxes().filter((b) => !b.indeterminate).map((b) => (b.checked ? "+" : "-") + b.value);
  const generation = $("generation").value || (settings.length ? base() : "");
  return [generation, ...settings].filter(Boolean).join(",");
}

// base is what the scenario states, or else the default.
function base() { return /^rules\s+(\S.*?)\s*$/m.exec($("text").value)?.[1].replace(/\s/g, "") ?? catalogue.default; }

function setRules(text) {
  resetRules();
  const [generation, ...settings] = text.split(",");
  $("generation").value = generation || "";
  for (const s of settings) {
    const b = boxes().find((box) => box.value === s.slice(1));
    if (b) { b.indeterminate = false; b.checked = s[0] === "+"; }
  }
  sayRules();
}

function sayRules() { $("switched").textContent = rules() && rules() !== $("generation").value ? rules() : ""; }
function rulesChanged() { sayRules(); changed(); }

function request(more = {}) { return { name: $("scenario").value || "mine", text: $("text").value, rules: rules(), ...more }; }

// choose shows a built-in scenario.
function choose(name) {
  const s = catalogue.scenarios.find((c) => c.name === name);
  if (!s) return false;
  $("scenario").value = name;
  own = s.text.replace(/^(#.*\n)+\n?/, ""); // the description stands below
  $("text").value = own;
  setRules("");
  tellStory(s);
  changed();
  return true;
}

function tellStory(s) {
  const blocks = s.story.split(/\n\n+/).filter(Boolean);
  $("prose").replaceChildren(element("p", {}, element("b", {}, s.title)), ...blocks.map((b) => (/^ {2,}/m.test(b) ? element("pre", {}, b) : element("p", {}, b))));
}

// changed checks the scenario, and forgets the run: it was one of another program.
let checking = 0;
async function changed() {
  const mine = ++checking;
  forget();
  keep();
  underline();
  const answer = await stage.ask("check", request());
  if (mine !== checking) return;
  mistakes = answer.mistakes ?? [];
  $("explore").disabled = $("begin").disabled = mistakes.length > 0;
  $("mistakes").replaceChildren(...mistakes.map((m) => element("li", {}, m.line
    ? element("button", { type: "button", onclick: () => goTo(m) }, `${m.line}:${m.column}: ${m.message}`) : m.message)));
  underline();
}

function goTo(m) {
  const lines = $("text").value.split("\n");
  const at = lines.slice(0, m.line - 1).reduce((n, l) => n + l.length + 1, 0) + m.column - 1;
  $("text").focus();
  $("text").setSelectionRange(at, at + word(lines[m.line - 1] ?? "", m.column).length);
}

function word(line, column) { return /^\S*/.exec(line.slice(column - 1))[0] || " "; }

// underline marks the mistakes, and the statement whose step comes last.
function underline() {
  const lit = place?.at ? lineOf(place.trace.steps[place.at - 1]) : -1;
  const out = $("text").value.split("\n").flatMap((line, i) => {
    const m = mistakes.find((x) => x.line === i + 1);
    if (m) {
      const w = word(line, m.column);
      return [line.slice(0, m.column - 1), element("mark", { class: "bad" }, w), line.slice(m.column - 1 + w.length) + "\n"];
    }
    return i === lit ? [element("mark", {}, line || " "), "\n"] : [line + "\n"];
  });
  $("backdrop").replaceChildren(...out);
  $("backdrop").scrollTop = $("text").scrollTop;
  $("backdrop").scrollLeft = $("text").scrollLeft;
}

// lineOf returns the line of the scenario that a step's statement stands in, -1 for none.
function lineOf(step) {
  const thread = step.task.replace(/\/\d+$/, "");
  let inside = false;
  return $("text").value.split("\n").findIndex((line) => {
    if (/^\S/.test(line)) inside = line.startsWith("thread ") && line.split(/\s+/)[1] === thread;
    return inside && step.statement && line.trim().replace(/\s*=>.*/, "").replace(/\s+/g, " ") === step.statement.replace(/\s+/g, " ");
  });
}

function forget() {
  place = whole = null;
  verdict("", "Explore or step", "Explore searches every order of steps for one that breaks a rule. Step makes you the scheduler.");
  show();
}

async function explore() {
  if (search) return;
  const started = performance.now();
  $("cancel").hidden = false; $("explore").disabled = $("begin").disabled = true;
  $("progress").textContent = "searching …";
  search = new Engine(module, (why) => { $("progress").textContent = "the search has ended: " + why; });
  const answer = await search.ask("explore", request(), (p) => {
    const share = p.share ? `, about ${Math.round(100 * p.share)} % done` : "";
    $("progress").textContent = `${p.executions.toLocaleString("en")} executions in ${p.seconds.toFixed(1)} s${share}`;
  });
  search.end("ended"); // a fresh engine for each search: memory that one has taken is never given back
  search = null;
  $("cancel").hidden = true; $("explore").disabled = $("begin").disabled = false;
  $("progress").textContent = "";
  if (answer.mistakes) { say(answer.mistakes.map((m) => m.message)); return verdict("", "it cannot be explored", answer.mistakes.map((m) => m.message).join("\n")); }
  const r = answer.result, seconds = ((performance.now() - started) / 1000).toFixed(1);
  const searched = `${r.executions.toLocaleString("en")} executions in ${seconds} s` + (r.complete ? ", every interleaving is covered" : r.interrupted ? ", stopped by you: there is more" : "");
  if (answer.verdict === "violation") {
    verdict("violation", "violation: " + r.oracle, r.message, searched + (r.stated ? `; stated for these rules: ${r.stated}` : ""), outcomes(r));
    await open(r.schedule, true);
    if (innerWidth < 960) $("run").scrollIntoView();
  } else {
    verdict(r.complete ? "verified" : "", answer.verdict === "verified" ? "verified" : "nothing was found", searched, outcomes(r));
    place = whole = null;
    show();
  }
}

// outcomes is how often each outcome came.
function outcomes(r) {
  const all = Object.entries(r.outcomes).sort((a, b) => b[1] - a[1]);
  return all.length ? element("table", { class: "small" }, ...all.slice(0, 12).map(([text, n]) => element("tr", {}, element("td", {}, n.toLocaleString("en") + " × "),
    element("td", {}, element("button", { type: "button", class: "link", title: "show one that ends so", onclick: () => open(r.first[text], true) }, text))))) : null;
}

function verdict(kind, head, ...rest) {
  $("verdict").className = kind;
  $("verdict").replaceChildren(element("b", {}, head), ...rest.filter(Boolean).map((p) => (typeof p === "string" ? element("p", {}, p) : p)));
}

async function cancel() {
  const asked = search;
  if (!asked) return;
  asked.cancel();
  setTimeout(() => { if (search === asked) asked.end("stopped, and it did not answer"); }, 1000);
}

// open begins a session, at the end of a schedule or before the first step.
async function open(schedule, atEnd) {
  const p = await stage.ask("open", request({ schedule }));
  if (p.mistakes) { say(p.mistakes.map((m) => m.message), true); return false; }
  take(p);
  if (schedule) { await run("go " + p.len); whole = place.trace; if (!atEnd) await run("go 0"); }
  show();
  return true;
}

function take(p) {
  p.trace.steps ??= []; // before the first one
  p.cells ??= [];
  place = p;
  if (p.at === p.len || !whole || whole.steps.length < p.at) whole = p.trace;
}

// run performs commands of the session in order; of the slider's only the latest.
let queue = Promise.resolve();
function run(line) {
  queue = queue.then(async () => {
    if (!place) return;
    const p = await stage.ask("do", line);
    if (p.mistakes) return say(p.mistakes.map((m) => m.message), true);
    if (p.len !== place.len) whole = null;
    take(p);
    say(p.wrong ? [p.wrong] : p.said ?? [], !!p.wrong);
    keep();
    show();
  });
  return queue;
}

let wanted = null;
async function slide() {
  const first = wanted === null;
  wanted = $("slider").value;
  if (!first) return;
  while (wanted !== null) { const to = wanted; await run("go " + to); if (wanted === to) wanted = null; }
}

function say(lines, wrong) { $("said").replaceChildren(...lines.map((l) => element("li", { class: wrong ? "wrong" : null }, l))); }

function colour(task) { return `--t: var(--t${whole.tasks.indexOf(task) % 6})`; }
function letter(task) { return String.fromCharCode(65 + whole.tasks.indexOf(task)); }

// doing words what a step does.
function doing(s) {
  if (!s.cell) return s.operation;
  if (!s.old && !s.new) return s.operation + " " + s.cell;
  return s.old === s.new || !s.new ? `${s.operation} ${s.cell} = ${s.old}` : `${s.operation} ${s.cell} ${s.old} → ${s.new}`;
}

// show shows where the session stands.
function show() {
  $("stage").hidden = !place;
  underline();
  if (!place) return;
  $("slider").max = place.len; $("slider").value = place.at;
  $("slider").setAttribute("aria-valuetext", `step ${place.at} of ${place.len}`);
  $("at").textContent = `${place.at} / ${place.len}`;
  $("back").disabled = place.at === 0; $("forth").disabled = place.at === place.len;
  showNext(); showSteps(); showState();
  $("replay").textContent = place.replay;
}

function showNext() {
  const next = place.trace.next ?? [];
  if (!next.length) {
    const broken = place.trace.violated?.map((v) => v.oracle.toUpperCase() + ($("verdict").className === "violation" ? "" : ": " + v.message)) ?? [];
    return $("next").replaceChildren(element("p", {}, broken.length ? broken.join("; ") : "The run is over: " + place.trace.ending + (place.trace.outcome ? ", " + place.trace.outcome : "")));
  }
  $("next").replaceChildren(...whole.tasks.map((task) => {
    const n = next.find((x) => x.task === task);
    const head = letter(task) + " " + task + ": ";
    if (!n) return element("button", { type: "button", disabled: true, style: colour(task) }, head + "has ended");
    const why = n.enabled ? "" : " waits" + (n.why?.length ? ": " + n.why.join("; ") : "");
    return element("button", { type: "button", disabled: !n.enabled, style: colour(task), onclick: () => run(letter(task)) },
      head + doing({ ...n, old: "", new: "" }), " ", element("small", {}, `in ${n.function} · ${n.stack[0] ?? ""}${why}`));
  }));
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
  const body = [], functions = {};
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
      onclick: () => run("go " + (r.to + 1)), onkeydown: (e) => { if (e.key === "Enter") run("go " + (r.to + 1)); } }, element("td", {}, String(r.to + 1)), ...cells));
  }
  $("steps").replaceChildren(element("thead", {}, element("tr", {}, element("th", { scope: "col" }, ""), ...whole.tasks.map((t) => element("th", { scope: "col", style: colour(t) }, `${letter(t)} ${t}`)))),
    element("tbody", {}, ...body));
  const now = $("steps").querySelector(".now"), box = $("lanes");
  if (now && (now.offsetTop < box.scrollTop + 30 || now.offsetTop + now.offsetHeight > box.scrollTop + box.clientHeight)) box.scrollTop = now.offsetTop - box.clientHeight / 2;
  draw();
}

// draw draws an arrow from each write to the step of another task that saw it.
function draw() {
  const svg = $("arrows"), of = (n) => [...$("steps").querySelectorAll("tbody tr")].find((tr) => +tr.dataset.from <= n && n <= +tr.dataset.to)?.querySelector(".mine");
  svg.replaceChildren();
  const box = $("steps").getBoundingClientRect();
  svg.setAttribute("width", box.width); svg.setAttribute("height", box.height);
  for (const s of whole.steps) {
    if (!s.from || s.step > place.at) continue;
    const a = of(s.from)?.getBoundingClientRect(), b = of(s.step)?.getBoundingClientRect();
    if (!a || !b || a.top === b.top) continue;
    const right = b.left > a.left, x1 = (right ? a.right : a.left) - box.left, y1 = a.bottom - 8 - box.top, x2 = (right ? b.left : b.right) - box.left, y2 = b.bottom - 8 - box.top;
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${x1} ${y1} C${x1 + (right ? 14 : -14)} ${y1}, ${x2 + (right ? -14 : 14)} ${y2}, ${x2} ${y2}`);
    if (s.step === place.at) path.setAttribute("class", "now");
    svg.append(path);
  }
}

function showState() {
  $("cells").replaceChildren(...place.cells.filter((c) => c.shared || c.wanted || c.changed || $("grain").value === "all").map((c) => element("tr", { class: c.changed ? "changed" : null },
    element("td", {}, c.name), element("td", {}, c.changed ? `${c.before} → ${c.value}` : c.value), element("td", {}, c.step ? `${c.writer}, step ${c.step}` : ""))));
  const spaces = (at) => at?.map((m) => m.name + ":\n" + (m.lines.length ? m.lines.map((l) => "  " + l).join("\n") : "  empty")).join("\n") ?? "";
  $("maps").textContent = spaces(place.trace.after ?? place.trace.before);
}

// keep puts all of it into the address, and the text where it is found again if the address is lost.
function keep() {
  const s = { n: $("scenario").value };
  if ($("text").value !== own) s.t = $("text").value;
  if (rules()) s.r = rules();
  if (place?.len) { s.s = place.run; s.a = place.at; }
  const text = "#" + encodeURIComponent(JSON.stringify(s));
  try { history.replaceState(null, "", text); } catch { /* an address that is too long: the text is kept below */ }
  try { localStorage.setItem("vmasim " + lesson.name, JSON.stringify(s)); } catch { /* where nothing may be kept, nothing is */ }
}

async function restore() {
  let s = null;
  try { s = JSON.parse(decodeURIComponent(location.hash.slice(1)) || localStorage.getItem("vmasim " + lesson.name)); } catch { trouble("The address is damaged: what it should have shown cannot be read."); }
  if (!s || !choose(s.n)) { choose(lesson.scenarios[0] ?? catalogue.scenarios[0].name); if (!s?.t) return; }
  if (s.t) $("text").value = s.t;
  if (s.r) setRules(s.r);
  await changed();
  if (s.s && (await open(s.s, true)) && s.a != null) await run("go " + Math.min(s.a, place.len));
}

$("scenario").onchange = () => choose($("scenario").value);
$("reset").onclick = () => choose($("scenario").value);
$("text").oninput = () => changed();
$("text").onscroll = underline;
$("generation").onchange = rulesChanged;
$("explore").onclick = explore;
$("cancel").onclick = cancel;
$("begin").onclick = async () => { verdict("", "You are the scheduler", "Choose whose step comes next. The letters of the tasks and the arrow keys do the same."); whole = null; await open("", false); };
$("back").onclick = () => run("undo");
$("forth").onclick = () => run("redo");
$("slider").oninput = slide;
$("violation").onclick = () => run("violation");
$("ahead").onclick = () => run("ahead");
$("grain").onchange = show;
$("copy").onclick = async () => { keep(); try { await navigator.clipboard.writeText(location.href); say(["the link is copied"]); } catch { say(["the link is the address of this page"]); } };
$("theme").onclick = () => document.documentElement.classList.toggle("dark");
if (matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.classList.add("dark");
addEventListener("resize", () => place && draw());
addEventListener("keydown", (e) => {
  if (!place || e.ctrlKey || e.metaKey || e.altKey || /TEXTAREA|SELECT|INPUT/.test(e.target.tagName) && e.target.type !== "range") return;
  const keys = { ArrowLeft: "undo", ArrowRight: "redo", Home: "go 0", End: "go " + place.len, u: "undo", r: "redo", v: "violation", a: "ahead" };
  const line = keys[e.key] ?? (/^[A-P]$/.test(e.key) ? e.key : null);
  if (line && e.target.type !== "range") { e.preventDefault(); run(line); }
});
begin();
