// The address holds what the page shows.

const tooLong = "The scenario is too long for the address, and this browser keeps nothing: copy its text before you close the page.";

// keep puts all of it into the address, and the text where it is found again if the address is lost.
function keep() {
  const s = { n: $("scenario").value };
  if ($("text").value !== own || s.n.startsWith("quiz ")) s.t = $("text").value;
  if (rules()) s.r = rules();
  if (shown !== "run") s.v = shown;
  if (shown === "quiz") s.q = [$("quiz-name").value, $("quiz-seed").value];
  if (told) s.l = [told.lesson, told.step];
  if (shown === "compare" && pairOf) s.c = pairOf;
  if (place?.len) { s.s = place.run; s.a = place.at; }
  if ($("grain").value !== "shared") s.g = $("grain").value;
  if (followed) s.f = followed;
  const watched = (place?.state?.watches ?? []).map((w) => w.watch);
  if (watched.length) s.w = watched;
  const text = JSON.stringify(s), address = "#" + encodeURIComponent(text);
  let kept = false;
  try { history.replaceState(null, "", address); kept = address.length < 2 << 20; /* what Chromium opens again */ } catch { /* an address that is too long */ }
  try { localStorage.setItem("vmasim " + lesson.name, text); kept = true; } catch { /* where nothing may be kept, or no more */ }
  if (!kept) trouble(tooLong); else if ($("trouble").textContent === tooLong) trouble("");
}

// besideAddress returns what was kept beside the address, null if nothing was.
function besideAddress() {
  try { return JSON.parse(localStorage.getItem("vmasim " + lesson.name)); } catch { return null; }
}

// restore shows what the address says, or else what was kept. An address that is damaged is said, and the page works without it.
async function restore() {
  const last = besideAddress();
  try {
    await restoreFrom(location.hash.length > 1 ? JSON.parse(decodeURIComponent(location.hash.slice(1))) : last);
  } catch {
    trouble("The address is damaged: what it should have shown cannot be read. Ask for the link again; the page works without it.");
    try { await restoreFrom(last); } catch { await restoreFrom(null); }
  }
}

async function restoreFrom(s) {
  if (s?.q) [$("quiz-name").value, $("quiz-seed").value] = s.q;
  if (s?.t && s.n?.startsWith("quiz ")) offer({ name: s.n.slice(5), text: s.t });
  if (!s && (await firstLesson())) return;
  const step = course.find((l) => l.name === s?.l?.[0])?.steps[s.l[1]];
  if (step) told = { lesson: s.l[0], step: s.l[1] };
  if (s?.n && !s.t && !catalogue.scenarios.some((c) => c.name === s.n)) trouble(`The address is of a scenario that this page does not have, ${s.n}: it is on the page with all of them.`);
  if (!s || !choose(s.n)) { choose(lesson.scenarios[0] ?? catalogue.scenarios[0].name); if (!s?.t) return; }
  if (s.t) $("text").value = s.t;
  if (s.r) setRules(s.r);
  await changed();
  view(s.v ?? "run");
  if ([...$("grain").options].some((o) => o.value === s.g)) $("grain").value = s.g;
  if (typeof s.f === "string") followed = s.f;
  if (s.s && (await open(s.s, true)) && s.a != null) await run("go " + Math.min(s.a, place.len));
  if (place && Array.isArray(s.w)) for (const w of s.w) await run("watch " + w);
  if (s.c && shown === "compare" && place) {
    beginCompare();
    $("compare-with").value = s.c[0] === "branch" ? "run" : s.c[0];
    showCompareKind();
    $(compareKinds[$("compare-with").value]).value = s.c[1];
    compareRuns();
  }
}
