// Lessons: they are told in steps, and ask for a prediction before they reveal. The engine marks it.

let course = [];   // the lessons of this page
let told = null;   // the lesson that is told and its step, from 0
let thinking = null; // the engine that looks for an answer
const predictions = new Map(); // what came of predictions, by step
if (lesson.lessons.length) views.unshift({ name: "lesson", title: "Lesson", begin: showLesson });

async function fillLessons() {
  if (!lesson.lessons.length) return;
  course = (await stage.ask("lessons")).filter((l) => lesson.lessons.includes("all") || lesson.lessons.includes(l.name));
  told = { lesson: course[0].name, step: 0 };
}

// firstLesson shows the beginning of the lesson that the page is made for, if it is for one.
async function firstLesson() {
  if (!course.length || lesson.lessons.includes("all")) return false;
  await tell(course[0].name, 0);
  view("lesson");
  return true;
}

function lessonNow() { return course.find((l) => l.name === told.lesson) ?? course[0]; }
function stepKey() { return told.lesson + "/" + told.step; }

// stored keeps what was answered, with name under which it is kept.
function stored(name) { try { return JSON.parse(localStorage.getItem("vmasim " + name)) ?? {}; } catch { return {}; } }
function store(name, key, value) { try { localStorage.setItem("vmasim " + name, JSON.stringify({ ...stored(name), [key]: value })); } catch { /* where nothing may be kept, nothing is */ } }

// tell goes to a step, and puts what it is about on the left.
async function tell(name, step) {
  told = { lesson: name, step };
  const s = lessonNow().steps[step];
  if (s.scenario) await putLeft(s);
  showLesson();
  keep();
}

// putLeft puts a scenario and its rules to the left, without what it says of its own end.
async function putLeft(s) {
  choose(s.scenario);
  $("text").value = s.text;
  setRules(s.rules);
  await changed();
}

// showRunOf shows a run of a scenario beside it.
async function showRunOf(s, schedule, head, text) {
  await putLeft(s);
  verdict("", head, text);
  whole = null;
  if (schedule ? await open(schedule, true) : await open("", false)) keep();
  view("run");
  if (innerWidth < 960) $("run").scrollIntoView();
}

// paragraphs makes elements of texts: code stands between backquotes, what is emphasized between stars.
function paragraphs(texts) {
  return texts.map((text) => (/^( {4}.*\n?)+$/.test(text) ? element("pre", {}, text) : element("p", {}, ...inline(text))));
}

function inline(text) {
  return text.split(/(`[^`]+`|\*[^*]+\*)/).map((part) => (/^`.+`$/.test(part) ? element("code", {}, part.slice(1, -1)) : /^\*.+\*$/.test(part) ? element("em", {}, part.slice(1, -1)) : part));
}

function tableOf(t) {
  return element("div", { class: "wide" }, element("table", { class: "grid" }, element("caption", {}, t.caption),
    element("tr", {}, ...t.head.map((h) => element("th", { scope: "col" }, h))),
    ...t.rows.map((row) => element("tr", {}, ...row.map((cell, i) => (i ? element("td", { class: "is-" + cell.replace(/\W+/g, "-") }, cell) : element("th", { scope: "row" }, cell)))))));
}

function showLesson() {
  if (!course.length) return;
  const l = lessonNow(), s = l.steps[told.step], answers = stored("lessons");
  const to = (step, text, main) => element("button", { type: "button", class: main ? "main" : null, disabled: step < 0 || step >= l.steps.length,
    onclick: async () => { await tell(l.name, step); $("lesson-title").focus(); $("lesson-title").scrollIntoView({ block: "nearest" }); } }, text);
  const dot = (step, i) => {
    const kept = answers[l.name + "/" + i];
    const state = !step.question ? "·" : !kept ? "?" : kept.right ? "✓" : "✗";
    const words = { "·": "nothing is asked", "?": "not answered yet", "✓": "answered right", "✗": "answered wrong" }[state];
    return element("button", { type: "button", class: "dot", "aria-current": i === told.step ? "step" : null, title: `${step.title}: ${words}`,
      "aria-label": `step ${i + 1}, ${step.title}, ${words}`, onclick: () => tell(l.name, i) }, state);
  };
  $("view-lesson").replaceChildren(...[
    course.length > 1 ? element("p", {}, element("label", {}, "Lesson ", element("select", { id: "lesson-name", onchange: () => tell($("lesson-name").value, 0) },
      ...course.map((c) => element("option", { value: c.name, selected: c === l }, c.title))))) : null,
    element("div", { class: "dots", role: "group", "aria-label": "Steps of the lesson" }, ...l.steps.map(dot)),
    element("h2", { id: "lesson-title", tabindex: "-1" }, `${told.step + 1}. ${s.title}`),
    element("div", { class: "prose" }, ...paragraphs(s.before)),
    s.table ? tableOf(s.table) : null,
    s.moves ? element("p", {}, element("button", { type: "button", id: "lesson-place", onclick: showPlace }, "Show where the tasks stand")) : null,
    ...(s.question ? asking(s, answers[stepKey()]) : []),
    element("div", { class: "row", id: "lesson-steps" }, to(told.step - 1, "Back"), to(told.step + 1, "Go on", !s.question || predictions.has(stepKey()))),
  ].filter(Boolean));
}

async function showPlace() {
  const s = lessonNow().steps[told.step];
  const { schedule, mistakes: wrong } = await stage.ask("place", told);
  if (wrong) return trouble(wrong[0].message);
  await showRunOf(s, schedule, "Where the tasks stand", "The question of the lesson is about what comes next. Go back to it by its tab before you let a task go on.");
}

// asking is the question of a step, with what came of it if it was answered.
function asking(s, before) {
  const r = predictions.get(stepKey());
  const choice = (c) => {
    const state = !r ? "" : c === r.answer ? "right" : c === r.chosen ? "wrong" : "";
    return element("button", { type: "button", class: "choice " + state, disabled: !!r || !!thinking, "aria-pressed": String(r?.chosen === c), onclick: () => predict(s, c) },
      c, state === "right" ? " ✓" : state === "wrong" ? " ✗" : "");
  };
  return [
    element("div", { id: "lesson-question", role: "group", "aria-labelledby": "lesson-ask" },
      element("p", { id: "lesson-ask" }, element("b", {}, "Predict: "), ...inline(s.question)),
      element("div", { class: "row choices" }, ...s.choices.map(choice)),
      !r && before ? element("p", { class: "hint small" }, `Last time you said ${before.choice}, which was ${before.right ? "right" : "wrong"}.`) : null),
    element("p", { id: "lesson-thinking", role: "status" }, thinking ? "The engine looks for the answer … " : "",
      thinking ? element("button", { type: "button", onclick: () => thinking?.end("you stopped it") }, "Stop") : null),
    element("div", { id: "lesson-reveal", role: "status" }, ...(r ? markOf(s, r) : [])),
  ];
}

function markOf(s, r) {
  return [
    element("div", { class: "mark " + (r.right ? "right" : "wrong") }, element("b", {}, r.right ? `You said ${r.chosen}, and so it is.` : `You said ${r.chosen}. It is ${r.answer}.`),
      element("ul", {}, ...r.found.map((f) => element("li", {}, f))),
      element("div", { class: "row" },
        r.schedule ? element("button", { type: "button", id: "lesson-show", onclick: () => showRunOf(s, r.schedule, `Here it is ${r.answer}`, r.found[0]) }, r.right ? "Show a run" : "Show the run that says so") : null,
        element("button", { type: "button", onclick: () => { predictions.delete(stepKey()); showLesson(); } }, "Ask me again"))),
    element("div", { class: "prose" }, ...paragraphs(r.after)),
  ];
}

// predict has a prediction marked, by an engine of its own: a search takes a while.
async function predict(s, chosen) {
  if (thinking) return;
  const at = { ...told }, key = stepKey();
  thinking = new Engine(module, (why) => trouble("The engine has ended: " + why));
  showLesson();
  const r = await thinking.ask("reveal", { ...at, choice: chosen });
  thinking.end("ended");
  thinking = null;
  if (r.mistakes) {
    showLesson();
    if ($("lesson-thinking")) $("lesson-thinking").textContent = "There is no answer: " + r.mistakes[0].message;
    return;
  }
  predictions.set(key, { ...r, chosen });
  store("lessons", key, { choice: chosen, right: r.right });
  showLesson();
}
