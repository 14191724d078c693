// The page: a scenario and its rules on the left, a run of it on the right. All that is shown comes from the engine.

let module;          // the compiled engine, for the workers of searches
let stage;           // the engine that the session lives in
let search = null;   // the engine of the search that is under way
let catalogue;
let place = null;    // where the session stands
let whole = null;    // the trace of its run with the steps that were taken back
let mistakes = [];
let own = "";        // the text of the chosen scenario as it was

async function begin() {
  const text = $("engine").textContent.trim();
  if (!text) return without("This page was made without the engine.");
  $("engine").textContent = "";
  try { await Engine.prepare(); stage = new Engine(text, died); module = await stage.loaded; } catch (e) { return without("The engine does not start: " + e.message + ". Open the page in another browser; its address is as it was."); }
  catalogue = await stage.ask("list");
  catalogue.scenarios.unshift(...lesson.own);
  fill();
  fillQuiz();
  await fillLessons();
  await fillLevels();
  view("run");
  await restore();
  document.documentElement.dataset.ready = "yes";
  learnNames();
}

// died puts another engine in the place of one that has ended.
function died(why) {
  if (!module) return;
  trouble("The engine has ended (" + why + "). Another one was started; the run is gone, the scenario is as you left it.");
  stage = new Engine(module, died);
  place = whole = null;
  show();
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
$("ahead").onclick = () => foresee(patience);
$("grain").onchange = () => { keep(); show(); };
$("watch").onsubmit = (e) => { e.preventDefault(); watch(); };
addEventListener("beforeprint", () => setPaper(true));
addEventListener("afterprint", () => setPaper(false));
$("copy").onclick = async () => { keep(); try { await navigator.clipboard.writeText(location.href); say(["the link is copied"]); } catch { say(["the link is the address of this page"]); } };
$("theme").onclick = () => document.documentElement.classList.toggle("dark");
if (matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.classList.add("dark");
addEventListener("beforeprint", () => { $("text").style.height = $("text").scrollHeight + 2 + "px"; });
addEventListener("afterprint", () => { $("text").style.height = ""; });
addEventListener("resize", () => place && draw());
addEventListener("keydown", (e) => {
  if (!place || shown !== "run" || e.ctrlKey || e.metaKey || e.altKey || /TEXTAREA|SELECT|INPUT/.test(e.target.tagName) && e.target.type !== "range") return;
  const keys = { ArrowLeft: "undo", ArrowRight: "redo", Home: "go 0", End: "go " + place.len, u: "undo", r: "redo", v: "violation" };
  if (e.key === "[" || e.key === "]") { e.preventDefault(); return goAlong(e.key === "]" ? 1 : -1); }
  if (e.key === "Escape" && followed) return follow(followed);
  if (e.key === "a") { e.preventDefault(); return foresee(patience); }
  const line = keys[e.key] ?? (/^[A-P]$/.test(e.key) ? e.key : null);
  if (line === "violation" && level?.kind === "break") return; // that is what is to be found
  if (line && e.target.type !== "range") { e.preventDefault(); run(line); }
});
begin();
