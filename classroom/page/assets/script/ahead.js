// What can still come from where the session stands. It is searched after each step, for a moment and in a worker of its own, so that the
// session waits for nothing.

const glance = 0.3;      // seconds that a search takes at most that nobody has asked for
const patience = 10;     // and one that the reader has
const aheadOften = 40;   // searches after which the worker is made anew: memory that it has taken is never given back
let scout = null;        // the engine that searches
let scouted = 0;         // how often it has
let foreseen = 0;        // which search is the latest

// foresee says how many continuations break and how near the nearest is.
async function foresee(seconds = glance) {
  const mine = ++foreseen, said = $("foresight");
  said.textContent = place?.over && seconds !== glance ? "Nothing comes after the end of the run." : "";
  if (!place || place.over || !module) return;
  await new Promise((go) => setTimeout(go, seconds === glance ? 150 : 0)); // while one slides, nothing is searched
  if (mine !== foreseen || !place) return;
  if (seconds !== glance) said.textContent = `searching what can still come, for ${seconds} s at most …`;
  if (!scout || scouted >= aheadOften) { scout?.end("renewed"); scout = new Engine(module, () => { scout = null; }); scouted = 0; }
  scouted++;
  const c = await scout.ask("ahead", request({ schedule: place.here, without: place.without, seconds }));
  if (mine !== foreseen || !place || c.mistakes) return;
  said.textContent = foresight(c, seconds);
}

// foresight words what a search has found.
function foresight(c, seconds) {
  const near = c.nearest ? `; the nearest in ${c.nearest.preemptions} ${c.nearest.preemptions === 1 ? "switch" : "switches"}, ${c.nearest.steps} ${c.nearest.steps === 1 ? "step" : "steps"} from here: ${c.nearest.kind}` : "";
  if (!c.complete) return `From here, of ${c.of} continuations searched in ${seconds} s, ${c.breaking} ${c.breaking === 1 ? "breaks" : "break"}${near}. These are not all` + (seconds === glance ? ": “what can still come?” searches longer." : ".");
  if (!c.breaking) return c.of === 1 ? "From here nothing can break any more." : `From here none of ${c.of} continuations breaks anything.`;
  return `From here ${c.breaking} of ${c.of} ${c.of === 1 ? "continuation breaks" : "continuations break"}${near}.`;
}
