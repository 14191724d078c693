// Names are explained where they stand: functions, fields, rules, oracles, statements, errors.

let names = new Map(); // what is known of each, by name
let explaining = 0;    // how many explanations were asked for
let asked = null;      // the element from which an explanation was asked for

// learnNames asks which names there are, and marks those that the page shows already, and will show.
async function learnNames() {
  const all = await stage.ask("names");
  if (all.mistakes) return;
  names = new Map(all.map((n) => [n.name, n]));
  $("explain-names").append(...all.map((n) => element("option", { value: n.name }, n.kinds.join(", "))));
  for (const label of $("families").querySelectorAll("label")) {
    label.append(...whatIs(label.querySelector("input").value));
  }
  for (const root of [document.querySelector("main"), $("explain-text")]) {
    new MutationObserver((changes) => {
      const added = new Set(changes.flatMap((c) => [...c.addedNodes]).filter((n) => n.isConnected));
      for (const n of added) if (![...added].some((other) => other !== n && other.contains(n))) mark(n);
    }).observe(root, { childList: true, subtree: true });
    mark(root);
  }
  function mark(node) { if (node.nodeType !== Node.ELEMENT_NODE || !node.closest(".name")) markNames(node); }
  sayDoing();
}

// known returns the name that a word of a text has, as vm_refcnt for vma#1.vm_refcnt; "": it has none.
function known(word) {
  const field = word.replace(/^[^.]*\./, "").replace(/\[.*$/, "");
  return [word, field, word.toLowerCase()].find((w) => names.has(w)) ?? "";
}

// whatIs makes the button that explains a word, where a click on the word itself does something else.
function whatIs(word) {
  const name = known(word);
  return name ? [" ", element("button", { type: "button", class: "link name", "data-name": name, "aria-label": "explain " + name }, "?")] : [];
}

// inProse reports whether a name is one in a sentence, too, where "lock" or "start" is but a word.
function inProse(name) { return /[_-]|^E[A-Z0-9]+$/.test(name) || names.get(name).kinds.includes("function"); }

// Where a text is words of traces and scenarios, and where no names are marked.
const inTraces = "#steps, #cells td:first-child, #verdict b, pre, code", unmarked = "button, a, label, select, textarea, input, svg, script, .name, [aria-hidden=true], #replay, #maps, #explained h2, #quiz-mark code";

// markNames marks the names in a part of the page. Of a run's steps it marks those of the current one: the others' when one points at them.
function markNames(root) {
  if (root.nodeType === Node.TEXT_NODE) return markText(root);
  if (root.nodeType !== Node.ELEMENT_NODE) return;
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (n) =>
    n.nodeType === Node.TEXT_NODE ? NodeFilter.FILTER_ACCEPT : n.matches(unmarked) || (n !== root && n.matches("#steps tbody tr:not(.now)")) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP);
  const texts = [];
  while (walk.nextNode()) texts.push(walk.currentNode);
  texts.forEach(markText);
}

function markText(text) {
  const parent = text.parentElement;
  if (!parent || parent.closest(unmarked) || !/[A-Za-z]{2}/.test(text.data)) return;
  const loose = parent.closest(inTraces), parts = [];
  let end = 0;
  for (const m of text.data.matchAll(/[A-Za-z_][\w.#-]*\w(?:\[\d+\])?|\.\w+/g)) {
    const name = known(m[0]);
    if (!name || !(loose || inProse(name))) continue;
    parts.push(text.data.slice(end, m.index), element("span", { class: "name", role: "button", tabindex: 0, "data-name": name, title: names.get(name).sentence }, m[0]));
    end = m.index + m[0].length;
  }
  if (end) text.replaceWith(...parts, text.data.slice(end));
}

// sayDoing says what the function of the current step does.
function sayDoing() {
  const s = place?.at ? place.trace.steps[place.at - 1] : null, name = functionOf(s);
  $("doing").replaceChildren(...(name ? [`Step ${place.at}, ${s.function}: ${names.get(name).sentence}`] : []));
}

// functionOf returns the name of the function that a step is in, or else of its statement; "": neither is explained.
function functionOf(step) { return [step?.function, step?.function?.split(" ")[0]].find((n) => names.has(n)) ?? ""; }

// explain shows what a name means; "": lets one be typed.
async function explain(name, from) {
  asked = from ?? document.activeElement;
  $("explained").hidden = false;
  $("explain-name").value = name;
  if (!name) { $("explain-text").replaceChildren(); return $("explain-name").focus(); }
  const mine = ++explaining, answer = await stage.ask("explain", name);
  if (mine !== explaining) return;
  $("explain-text").replaceChildren(...(answer.mistakes ? answer.mistakes.map((m) => element("p", {}, m.message)) : answer.entries.sort((a, b) => (b.kind === "statement") - (a.kind === "statement")).map(entry)));
  $("explain-text").dataset.of = name;
  $("explained").scrollTop = 0;
}

function entry(e) {
  const facts = (e.facts ?? []).flatMap((f) => [element("dt", {}, f.label), element("dd", {}, ...(/^(scenarios|bugs|shown by)$/.test(f.label) ? choices(f.text) : [f.text]))]);
  const own = choices(e.name);
  return element("section", {}, element("h2", {}, e.name, " ", element("small", {}, e.kind)), ...e.does.split("\n\n").map((p) => element("p", {}, p)), element("dl", {}, ...facts),
    typeof own[0] === "string" ? null : element("p", {}, "Show it: ", ...own));
}

// choices makes the scenarios in a list ones that can be chosen.
function choices(list) {
  return list.split(/(, )/).map((word) => (catalogue.scenarios.some((s) => s.name === word)
    ? element("button", { type: "button", class: "link", title: "choose this scenario", onclick: () => chooseListed(word) }, word) : word));
}

// chooseListed chooses a scenario, of which the lesson need not be.
function chooseListed(name) {
  if (![...$("scenario").options].some((o) => o.value === name)) $("scenario").append(element("option", { value: name }, name));
  choose(name);
  view("run");
}

function closeExplained() {
  $("explained").hidden = true;
  if (asked?.isConnected) asked.focus();
}

document.addEventListener("click", (e) => { const n = e.target.closest?.(".name"); if (n) explain(n.dataset.name, n); });
document.addEventListener("keydown", (e) => {
  if (e.key === "Escape" && !$("explained").hidden) return closeExplained();
  const n = e.target.closest?.(".name");
  if (n && n.tagName !== "BUTTON" && (e.key === "Enter" || e.key === " ")) { e.preventDefault(); e.stopPropagation(); return explain(n.dataset.name, n); }
  if (e.key === "?" && !/TEXTAREA|SELECT|INPUT/.test(e.target.tagName)) { e.preventDefault(); explainHere(); }
}, true);

// explainHere explains the function of the current step.
function explainHere() {
  explain(functionOf(shown === "run" && place?.at ? place.trace.steps[place.at - 1] : null));
}

$("ask-name").onclick = explainHere;
$("explain-close").onclick = closeExplained;
$("explain-form").onsubmit = (e) => { e.preventDefault(); explain($("explain-name").value.trim(), asked); };
$("explain-name").onchange = () => explain($("explain-name").value.trim(), asked);
for (const event of ["pointerover", "focusin"]) {
  $("steps").addEventListener(event, (e) => { const row = e.target.closest("tbody tr:not(.now)"); if (row && !row.marked && names.size) { row.marked = true; markNames(row); } });
}
