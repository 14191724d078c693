// Levels: a scenario is to be broken by an order of steps, or mended by rules. The engine judges what was tried.

let levels = [];       // all of them
let level = null;      // the one that is played
let judging = null;    // the engine that judges or searches for something better
let attempt = null;    // what came of the last attempt at it: { solved, lines, … }
let levelHints = 0;    // how many of its hints are shown
let judgedRun = null;  // the run that was judged last
const ways = { break: "Break it", mend: "Mend it" };
if (lesson.lessons.length) views.push({ name: "levels", title: "Levels", begin: showLevels });

async function fillLevels() { if (lesson.lessons.length) levels = await stage.ask("levels"); }

function solvedLevels() { return stored("levels"); }

// playLevel begins a level.
async function playLevel(l) {
  judging?.end("another level was begun");
  level = l; attempt = null; levelHints = 0; judgedRun = null;
  document.documentElement.dataset.level = l.kind;
  if (l.kind === "break") {
    await showRunOf({ scenario: l.scenario, text: l.text, rules: l.rules }, "", l.title, "You are the scheduler: let the tasks take their steps in an order that breaks it. The letters of the tasks do the same as their buttons.");
  } else {
    await putLeft({ scenario: l.scenario, text: l.text, rules: l.rules });
    view("levels");
  }
  showLevel();
  if (l.kind === "mend") $("level-goal").scrollIntoView({ block: "nearest" });
  keep();
}

function leaveLevel() {
  judging?.end("the level was left");
  level = attempt = null;
  delete document.documentElement.dataset.level;
  showLevel();
  view("levels");
}

function showLevels() {
  const done = solvedLevels();
  const list = (kind, text) => {
    const all = levels.filter((l) => l.kind === kind);
    return element("section", { "aria-label": ways[kind] }, element("h2", {}, ways[kind]), element("p", { class: "small hint" }, text),
      element("ol", { class: "levels" }, ...all.map((l) => element("li", { class: done[l.name] ? "done" : null },
        element("button", { type: "button", class: "link", "data-level": l.name, onclick: () => playLevel(l) }, l.title),
        done[l.name] ? ` ✓ ${scored(l, done[l.name].score)}` : ""))));
  };
  $("view-levels").replaceChildren(...(level?.kind === "mend" ? mending() : []), element("div", { class: "two" },
    list("break", "Find the order of steps. The fewer times you take the turn from a task that could have gone on, the better."),
    list("mend", "Find the rules. The fewer you switch, the better.")));
}

function scored(l, n) { return l.kind === "break" ? `${n} preemption${n === 1 ? "" : "s"}` : `${n} rule${n === 1 ? "" : "s"}`; }

// showLevel shows what is played, above the views.
function showLevel() {
  $("level").hidden = !level;
  if (shown === "levels") showLevels();
  if (!level) return;
  const number = levels.filter((l) => l.kind === level.kind).indexOf(level) + 1, following = levels[levels.indexOf(level) + 1];
  $("level").replaceChildren(...[
    element("p", { id: "level-goal" }, element("b", {}, `${ways[level.kind]} ${number}: ${level.title}${/[.?!]$/.test(level.title) ? "" : "."} `), level.goal),
    level.hints.slice(0, levelHints).length ? element("ol", { class: "small" }, ...level.hints.slice(0, levelHints).map((h) => element("li", {}, h))) : null,
    element("div", { class: "row small" },
      level.kind === "break" && place ? element("span", {}, ...place.trace.tasks.map((t) => element("button", { type: "button", title: `let ${t} take five steps`, onclick: () => run(letterOf(t) + " 5") }, `${letterOf(t)} ×5`)).flatMap((b) => [b, " "])) : null,
      element("button", { type: "button", id: "level-hint", disabled: levelHints >= level.hints.length, onclick: () => { levelHints++; showLevel(); } }, levelHints ? "another hint" : "a hint"),
      element("button", { type: "button", onclick: () => playLevel(level) }, "begin again"),
      element("button", { type: "button", id: "level-leave", onclick: leaveLevel }, "leave the level")),
    element("div", { id: "level-mark", role: "status", class: attempt ? "mark " + (attempt.solved ? "right" : "wrong") : null }, ...levelMark(following)),
  ].filter(Boolean));
}

function letterOf(task) { return String.fromCharCode(65 + place.trace.tasks.indexOf(task)); }

function levelMark(following) {
  if (judging && !attempt?.solved) return [element("p", {}, "the engine searches … ", element("button", { type: "button", onclick: () => judging?.end("you stopped it") }, "Stop"))];
  if (!attempt) return [];
  return [
    element("b", {}, attempt.solved ? `Solved, with ${scored(level, attempt.score)}.` : level.kind === "mend" ? "Not mended." : "Not yet."),
    element("ul", {}, ...attempt.lines.map((l) => element("li", {}, l)), attempt.better ? element("li", { id: "level-best" }, attempt.better) : ""),
    element("div", { class: "row" },
      !attempt.solved && level.kind === "mend" && attempt.schedule ? element("button", { type: "button", id: "level-show", onclick: () => showCounter(attempt) }, "Show the run that still breaks") : "",
      attempt.solved && following ? element("button", { type: "button", class: "main", id: "level-next", onclick: () => playLevel(following) }, `Next: ${following.title}`) : ""),
  ];
}

// showCounter opens the run with which the engine met an attempt.
function showCounter(a) { return showRunOf({ scenario: level.scenario, text: level.text, rules: a.rules }, a.schedule, "It still breaks", `Under ${a.rules}: ${a.lines[0]}`); }

// mending is the choice of rules.
function mending() {
  const box = (o) => element("label", {}, element("input", { type: "checkbox", value: o.setting, "data-rule": o.name, checked: o.on, "data-on": o.on ? "yes" : "", disabled: !!judging, onchange: () => countSwitched() }), " ", o.name, " ", element("small", {}, o.doc));
  const chosen = attempt?.settings ?? [];
  const form = element("form", { id: "mend", onsubmit: (e) => { e.preventDefault(); handInRules(); } },
    element("fieldset", {}, element("legend", {}, `Rules that may be switched; at first they are ${level.rules}`), ...level.offered.map(box)),
    element("div", { class: "row" }, element("button", { class: "main", id: "mend-check", disabled: !!judging }, "Search every interleaving under these rules"), element("output", { id: "mend-count" })));
  for (const b of form.querySelectorAll("input")) if (chosen.includes(b.value)) b.checked = !b.checked;
  queueMicrotask(countSwitched);
  return [form];
}

function switchedRules() { return [...document.querySelectorAll("#mend input")].filter((b) => b.checked !== (b.dataset.on === "yes")).map((b) => b.value); }
function countSwitched() { if ($("mend-count")) $("mend-count").textContent = `${switchedRules().length} switched`; }

// judgeApart asks an engine of its own, which can be stopped without losing the run.
async function judgeApart(what, value) {
  const mine = judging = new Engine(module, () => {});
  showLevel();
  const answer = await mine.ask(what, value);
  mine.end("ended");
  if (judging === mine) judging = null;
  return answer;
}

async function handInRules() {
  if (judging) return;
  const l = level, settings = switchedRules();
  attempt = { lines: [], settings };
  const answer = await judgeApart("judge", { level: l.name, attempt: settings.join(",") });
  if (level !== l) return;
  await took(l, answer.mistakes ? { solved: false, lines: answer.mistakes.map((m) => m.message), settings } : { ...answer, settings });
}

// watchLevel judges the run of a level to break when it is over.
async function watchLevel() {
  if (level?.kind !== "break" || !place) return;
  if (!place.over) { if (attempt && !attempt.solved) attempt = null; judgedRun = null; return showLevel(); }
  const l = level, schedule = place.here;
  if (judgedRun === schedule) return;
  judgedRun = schedule;
  const answer = await stage.ask("judge", { level: l.name, attempt: schedule });
  if (level === l) await took(l, answer.mistakes ? { solved: false, lines: answer.mistakes.map((m) => m.message) } : answer);
}

// took shows what came of an attempt, and looks whether there is something better.
async function took(l, a) {
  attempt = a;
  if (a.solved) {
    const before = solvedLevels()[l.name]?.score ?? Infinity;
    store("levels", l.name, { score: Math.min(before, a.score) });
  }
  showLevel();
  if (!a.solved) return;
  const b = await judgeApart("best", { level: l.name, below: l.kind === "mend" ? a.score : 0 });
  if (level !== l || attempt !== a) return;
  a.better = ranking(l, a, b);
  showLevel();
}

// ranking says how good a solution is.
function ranking(l, a, b) {
  if (b.mistakes) return "whether there is a better one was not searched: " + b.mistakes[0].message;
  if (l.kind === "mend") return b.found ? `${scored(l, b.score)} would do: ${b.settings.join(",")}` : `no set of fewer rules mends it: ${b.searched} were tried`;
  if (!b.found) return `with fewer than ${scored(l, b.score)} nothing breaks; the search was ended after ${b.searched.toLocaleString("en")} executions`;
  return b.score < a.score ? `the nearest run that breaks it takes ${scored(l, b.score)}` : `no run that breaks it takes fewer, every one with fewer was searched`;
}
