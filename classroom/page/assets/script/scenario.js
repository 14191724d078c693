// The left of the page: a scenario, its mistakes, and the rules.

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

function request(more = {}) { return { name: ($("scenario").value || "mine").replace(/^quiz /, ""), text: $("text").value, rules: rules(), ...more }; }

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
