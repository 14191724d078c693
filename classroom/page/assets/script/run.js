// A run of the scenario, and whose step comes next.

// open begins a session, at the end of a schedule or before the first step.
async function open(schedule, atEnd) {
  const p = await stage.ask("open", request({ schedule, branches: leftRuns() }));
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
  keepBranches();
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

// show shows where the session stands.
function show() {
  $("stage").hidden = !place;
  underline();
  if (!place) return;
  $("slider").max = place.len; $("slider").value = place.at;
  $("slider").setAttribute("aria-valuetext", `step ${place.at} of ${place.len}`);
  $("at").textContent = `${place.at} / ${place.len}`;
  $("back").disabled = place.at === 0; $("forth").disabled = place.at === place.len;
  showNext(); showSteps(); showState(); foresee(); sayDoing();
  watchLevel();
  $("misfit").hidden = !place.misfit; $("misfit").textContent = place.misfit;
  showBranches();
  $("replay").textContent = place.replay;
  if (shown === "timeline") showTimeline();
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
    return element("button", { type: "button", disabled: !n.enabled, style: colour(task), title: names.get(n.function)?.sentence, onclick: () => run(letter(task)) },
      head + doing({ ...n, old: "", new: "" }), " ", element("small", {}, `in ${n.function} · ${n.stack[0] ?? ""}${why}`));
  }));
}
