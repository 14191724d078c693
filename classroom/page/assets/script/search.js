// A search, and what it has come to.

function forget() {
  place = whole = null;
  forgetPair();
  verdict("", "Explore or step", "Explore searches every order of steps for one that breaks a rule. Step makes you the scheduler.");
  show();
}

async function explore() {
  if (search) return;
  const started = performance.now();
  $("cancel").hidden = false; $("explore").disabled = $("begin").disabled = true;
  $("progress").textContent = "searching …";
  search = new Engine(module, (why) => { $("progress").textContent = "the search has ended: " + why; });
  const answer = await search.ask("explore", request(), (p) => {
    const share = p.share ? `, about ${Math.round(100 * p.share)} % done` : "";
    $("progress").textContent = `${p.executions.toLocaleString("en")} executions in ${p.seconds.toFixed(1)} s${share}`;
  });
  search.end("ended"); // a fresh engine for each search: memory that one has taken is never given back
  search = null;
  $("cancel").hidden = true; $("explore").disabled = $("begin").disabled = false;
  $("progress").textContent = "";
  if (answer.mistakes) { say(answer.mistakes.map((m) => m.message)); return verdict("", "it cannot be explored", answer.mistakes.map((m) => m.message).join("\n")); }
  const r = answer.result, seconds = ((performance.now() - started) / 1000).toFixed(1);
  const searched = `${r.executions.toLocaleString("en")} executions in ${seconds} s` + (r.complete ? ", every interleaving is covered" : r.interrupted ? ", stopped by you: there is more" : "");
  if (answer.verdict === "violation") {
    verdict("violation", "violation: " + r.oracle, r.message, searched + (r.stated ? `; stated for these rules: ${r.stated}` : ""), outcomes(r));
    await open(r.schedule, true);
    if (innerWidth < 960) $("run").scrollIntoView();
  } else {
    verdict(r.complete ? "verified" : "", answer.verdict === "verified" ? "verified" + under(r.memory_model) : "nothing was found", searched, outcomes(r));
    place = whole = null;
    show();
  }
}

// under is the memory model that a verdict is for, if loads may see older stores, whatever its limit.
function under(model) {
  const family = model.split(":")[0];
  return family.startsWith("sc") ? "" : " for " + family;
}

// outcomes is how often each outcome came.
function outcomes(r) {
  const all = Object.entries(r.outcomes).sort((a, b) => b[1] - a[1]);
  return all.length ? element("table", { class: "small" }, ...all.slice(0, 12).map(([text, n]) => element("tr", {}, element("td", {}, n.toLocaleString("en") + " × "),
    element("td", {}, element("button", { type: "button", class: "link", title: "show one that ends so", onclick: () => open(r.first[text], true) }, text))))) : null;
}

function verdict(kind, head, ...rest) {
  $("verdict").className = kind;
  $("verdict").replaceChildren(element("b", {}, head), ...rest.filter(Boolean).map((p) => (typeof p === "string" ? element("p", {}, p) : p)));
}

async function cancel() {
  const asked = search;
  if (!asked) return;
  asked.cancel();
  setTimeout(() => { if (search === asked) asked.end("stopped, and it did not answer"); }, 1000);
}
