// Questions, and what an answer is worth. Both come from an engine of their own, which explores: it is ended if that takes too long.

views.push({ name: "quiz", title: "Quiz", begin: beginQuiz });
let question = null;  // that is asked
let asker = null;     // the engine that has asked it; null: it was stopped
let revealed = false; // its solution was shown
let hinted = 0;       // how many of its hints are shown
let before = null;    // what stood on the left before a run of a question was put there

// kept is what the browser remembers of the student: a number, and the questions that were answered.
const kept = (() => { try { return { done: {}, ...JSON.parse(localStorage.getItem("vmasim quiz")) }; } catch { return { done: {} }; } })();
function remember() { try { localStorage.setItem("vmasim quiz", JSON.stringify(kept)); } catch { /* where nothing may be kept, nothing is */ } }

function isExercise(name) { return catalogue.exercises.some((e) => e.name === name); }

// key names a question among those that were answered.
function key(name, seed) { return isExercise(name) ? name : `${name} ${seed}`; }

function fillQuiz() {
  const group = (label, all, title) => element("optgroup", { label }, ...all.map((q, i) => element("option", { value: q.name, title: q.doc }, title(q, i))));
  $("quiz-name").append(group("Exercises, in order", catalogue.exercises, (e, i) => `${i + 1}. ${e.name.replace(/^ex\d+-/, "").replaceAll("-", " ")}`),
    group("Questions by number", catalogue.questions, (q) => `${q.name}: ${q.doc}`));
  $("quiz-name").value = catalogue.exercises.find((e) => !kept.done[e.name])?.name ?? catalogue.questions[0].name;
  if (kept.seed != null) $("quiz-seed").value = kept.seed;
  showDone();
}

function beginQuiz() { if (!question && !asker) askQuestion(); }

function showDone() {
  const link = (q, text) => element("button", { type: "button", class: "link", title: q.doc, onclick: () => { $("quiz-name").value = q.name; askQuestion(); } }, text);
  $("quiz-exercises").replaceChildren(...catalogue.exercises.map((e) => element("li", { class: kept.done[e.name] ? "done" : null }, link(e, e.name.replace(/^ex\d+-/, "").replaceAll("-", " ")), kept.done[e.name] ? " ✓ done" : "")));
  $("quiz-kinds").replaceChildren(...catalogue.questions.map((k) => {
    const seeds = Object.keys(kept.done).filter((d) => d.startsWith(k.name + " ")).map((d) => d.slice(k.name.length + 1)).sort((a, b) => a - b);
    return element("li", { class: seeds.length ? "done" : null }, link(k, k.name), seeds.length ? ` ✓ number ${seeds.join(", ")}` : "");
  }));
}

// busy says for how long a question is being answered, and returns the answer.
async function busy(doing, answer) {
  const started = performance.now(), tell = () => { $("quiz-progress").textContent = `${doing} … ${((performance.now() - started) / 1000).toFixed(0)} s`; };
  tell();
  const show = setTimeout(() => { $("quiz-busy").hidden = false; }, 200), timer = setInterval(tell, 500);
  const got = await answer;
  clearTimeout(show); clearInterval(timer);
  $("quiz-busy").hidden = true;
  return got;
}

// ask asks the engine about the question, which it draws anew if it was stopped.
async function ask(what, value) {
  if (!asker) {
    asker = new Engine(module, () => { asker = null; });
    if (question) await asker.ask("quiz ask", { name: question.name, seed: question.seed });
  }
  const mine = asker, answer = await (mine?.ask(what, value) ?? { mistakes: [{ message: "stopped" }] });
  return mine === asker || answer.mistakes ? answer : { mistakes: [{ message: "another question was asked" }] };
}

function stopQuiz() {
  const old = asker;
  asker = null;
  old?.end("Stopped. Nothing was decided.");
}

async function askQuestion() {
  stopQuiz();
  question = null; revealed = false; hinted = 0;
  $("quiz-question").hidden = true; mark("");
  kept.seed = $("quiz-seed").value; remember(); keep();
  const q = await busy("a question is being drawn, by exploring", ask("quiz ask", { name: $("quiz-name").value, seed: $("quiz-seed").value.trim() }));
  if (q.mistakes) return mark("", "There is no question", ...q.mistakes.map((m) => m.message));
  question = q;
  showQuestion();
}

function showQuestion() {
  const q = question;
  $("quiz-title").textContent = isExercise(q.name) ? q.lines[0] : catalogue.questions.find((k) => k.name === q.name).doc;
  $("quiz-lines").textContent = q.lines.slice(isExercise(q.name) ? 1 : 0).join("\n").trim();
  const field = q.form === "choice" ? q.choices.map((c) => element("label", {}, element("input", { type: "radio", name: "quiz-choice", value: c }), " " + c))
    : [element("input", { type: "text", id: "quiz-text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-labelledby": "quiz-ask", ...(q.form === "number" ? { inputmode: "text", size: 12 } : {}) })];
  $("quiz-answer").replaceChildren(element("legend", { id: "quiz-ask" }, q.form === "choice" ? q.ask.replace(/\?[^?]*$/, "?") : q.ask), ...field);
  $("quiz-try").hidden = $("quiz-hand").hidden = !q.try;
  $("quiz-try").textContent = q.form === "rules" ? "Put it on the left" : "Step through it";
  $("quiz-hand").textContent = q.form === "rules" ? "Take the rules from the left" : "Take the run from the view Run";
  $("quiz-hint").hidden = !q.hints?.length;
  $("quiz-hints").replaceChildren();
  $("quiz-question").hidden = false;
  sayHint();
}

function sayHint() {
  const all = question.hints ?? [];
  $("quiz-hints").replaceChildren(...all.slice(0, hinted).map((h) => element("li", {}, h)));
  $("quiz-hint").disabled = hinted >= all.length;
  $("quiz-hint").textContent = `Hint ${Math.min(hinted + 1, all.length)} of ${all.length}`;
}

function mark(kind, head, ...rest) {
  $("quiz-mark").className = "verdict " + kind;
  $("quiz-mark").replaceChildren(...(head ? [element("b", {}, head), ...rest.filter(Boolean).map((p) => (typeof p === "string" ? element("p", {}, p) : p))] : []));
}

// answered is what stands in the field.
function answered() { return $("quiz-answer").querySelector("input:checked, #quiz-text")?.value.trim() ?? ""; }

async function check() {
  const answer = answered(), asked = question;
  if (!answer) return mark("", "No answer yet", question.form === "choice" ? "Choose one." : "Write one into the field.");
  const m = await busy("your answer is being checked by running and exploring", ask("quiz mark", answer));
  if (question !== asked) return;
  if (m.mistakes) { if (!asker) $("quiz-progress").textContent = ""; return mark("", "This is no answer", ...m.mistakes.map((x) => x.message)); }
  if (m.right && !revealed) { kept.done[key(asked.name, asked.seed)] = true; remember(); showDone(); }
  showMark(m, m.right ? (revealed ? "✓ right, as the solution has it" : "✓ right") : "✗ wrong");
}

function showMark(m, head) {
  const buttons = [];
  if (m.run) buttons.push(element("button", { type: "button", id: "quiz-show", onclick: () => showRun(m, head) }, "Show the run that decides"));
  if (m.right) buttons.push(element("button", { type: "button", id: "quiz-next", onclick: next }, "Next"));
  mark(m.right ? "verified" : "violation", head, m.why[0], m.why.length > 1 ? element("pre", { class: "wrap" }, m.why.slice(1).join("\n")) : null,
    m.run ? element("p", { class: "small" }, "The same in a terminal: ", element("code", {}, m.run.replay)) : null, buttons.length ? element("div", { class: "row" }, ...buttons) : null);
}

// next asks the next exercise, or the question of the next kind with the same number.
function next() {
  const all = [...catalogue.exercises, ...catalogue.questions].map((q) => q.name);
  $("quiz-name").value = all[(all.indexOf(question.name) + 1) % all.length];
  askQuestion();
}

async function solution() {
  const asked = question;
  const m = await busy("the solution is being checked by running and exploring", ask("quiz solution"));
  if (question !== asked) return;
  if (m.mistakes) return mark("", "There is no solution", ...m.mistakes.map((x) => x.message));
  revealed = true;
  showMark(m, "The answer is " + m.answer);
}

// offer puts a scenario of a question among those that can be chosen, and returns the name that it has there.
function offer(run) {
  const name = "quiz " + run.name;
  let s = catalogue.scenarios.find((c) => c.name === name);
  if (!s) {
    catalogue.scenarios.push(s = { name, kind: "quiz", title: run.name + ", as a question has it", story: "" });
    let group = $("scenario").querySelector("optgroup[label='Of questions']");
    if (!group) $("scenario").append(group = element("optgroup", { label: "Of questions" }));
    group.append(element("option", { value: name, title: s.title }, run.name));
  }
  s.text = run.text;
  return name;
}

// bring puts the scenario of a question on the left, and a run of it into the view Run.
async function bring(run, kind, head, ...rest) {
  if (!$("scenario").value.startsWith("quiz ")) before = { n: $("scenario").value, t: $("text").value, r: rules() };
  choose(offer(run));
  setRules(run.rules);
  await changed();
  await open(run.schedule, true);
  view("run");
  const row = element("div", { class: "row" }, ...rest, element("button", { type: "button", id: "quiz-return", onclick: () => { view("quiz"); keep(); } }, "back to the question"),
    before && element("button", { type: "button", id: "quiz-restore", onclick: putBack }, "put " + (before.n || "my scenario") + " back"));
  verdict(kind, head, row);
  keep();
  if (innerWidth < 960) $("run").scrollIntoView();
}

// putBack puts that on the left again which stood there before questions did.
async function putBack() {
  const b = before;
  before = null;
  if (!choose(b.n)) own = "";
  $("text").value = b.t;
  setRules(b.r);
  await changed();
}

function showRun(m, head) { return bring(m.run, m.right ? "verified" : "violation", `${head}: ${m.why[0]}`); }

function tryIt() {
  const q = question;
  if (q.form === "rules") return bring(q.try, "", q.lines[0], element("button", { type: "button", id: "quiz-hand-in", onclick: handIn }, "answer with the rules on the left"));
  return bring(q.try, "", "Find an order of steps that breaks it", element("button", { type: "button", id: "quiz-hand-in", onclick: handIn }, "hand in this run"));
}

// take puts what the student has done beside the question into the field.
function takeOver() {
  const order = place?.trace.schedule?.split(":").pop() ?? "";
  $("quiz-text").value = question.form === "rules" ? rules() : order;
}

function handIn() { view("quiz"); keep(); takeOver(); return check(); }

$("quiz-which").onsubmit = (e) => { e.preventDefault(); askQuestion(); };
$("quiz-question").onsubmit = (e) => { e.preventDefault(); check(); };
$("quiz-name").onchange = askQuestion;
$("quiz-stop").onclick = stopQuiz;
$("quiz-try").onclick = tryIt;
$("quiz-hand").onclick = takeOver;
$("quiz-hint").onclick = () => { hinted++; sayHint(); };
$("quiz-solution").onclick = solution;
