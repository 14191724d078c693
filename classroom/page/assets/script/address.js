// The address holds what the page shows.

// keep puts all of it into the address, and the text where it is found again if the address is lost.
function keep() {
  const s = { n: $("scenario").value };
  if ($("text").value !== own || s.n.startsWith("quiz ")) s.t = $("text").value;
  if (rules()) s.r = rules();
  if (shown !== "run") s.v = shown;
  if (shown === "quiz") s.q = [$("quiz-name").value, $("quiz-seed").value];
  if (told) s.l = [told.lesson, told.step];
  if (place?.len) { s.s = place.run; s.a = place.at; }
  const text = "#" + encodeURIComponent(JSON.stringify(s));
  try { history.replaceState(null, "", text); } catch { /* an address that is too long: the text is kept below */ }
  try { localStorage.setItem("vmasim " + lesson.name, JSON.stringify(s)); } catch { /* where nothing may be kept, nothing is */ }
}

async function restore() {
  let s = null;
  try { s = JSON.parse(decodeURIComponent(location.hash.slice(1)) || localStorage.getItem("vmasim " + lesson.name)); } catch { trouble("The address is damaged: what it should have shown cannot be read."); }
  if (s?.q) [$("quiz-name").value, $("quiz-seed").value] = s.q;
  if (s?.t && s.n?.startsWith("quiz ")) offer({ name: s.n.slice(5), text: s.t });
  if (!s && (await firstLesson())) return;
  const step = course.find((l) => l.name === s?.l?.[0])?.steps[s.l[1]];
  if (step) told = { lesson: s.l[0], step: s.l[1] };
  if (!s || !choose(s.n)) { choose(lesson.scenarios[0] ?? catalogue.scenarios[0].name); if (!s?.t) return; }
  if (s.t) $("text").value = s.t;
  if (s.r) setRules(s.r);
  await changed();
  view(s.v ?? "run");
  if (s.s && (await open(s.s, true)) && s.a != null) await run("go " + Math.min(s.a, place.len));
}
