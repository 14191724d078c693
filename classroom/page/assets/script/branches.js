// The ways that were gone: who goes back and another way keeps the old one as a branch, until the scenario or its rules change.

const branchesKey = "vmasim branches " + lesson.name;
let left = { of: "", runs: [] }; // schedules, and the program that they are of
try { left = JSON.parse(localStorage.getItem(branchesKey)) ?? left; } catch { /* what cannot be read was not kept */ }

// program names what the runs are of.
function program() { return $("text").value + "\n" + rules(); }

// leftRuns are the runs to begin the next session with.
function leftRuns() { return left.of === program() ? left.runs : []; }

function keepBranches() {
  left = { of: program(), runs: (place.branches ?? []).filter((b) => b.len).map((b) => b.run) };
  try { localStorage.setItem(branchesKey, JSON.stringify(left)); } catch { /* where nothing may be kept, nothing is */ }
}

// branchText words a branch: where it leaves the one that it goes on from, whose its steps are, and how it ends.
function branchText(b) { return `${b.number}: ${b.parent ? `from step ${b.from + 1}, ` : ""}${b.turns || "no step of its own"}: ${b.ends}`; }

// showBranches shows them as a tree of buttons.
function showBranches() {
  const all = place.branches ?? [];
  $("branches").hidden = all.length < 2;
  $("branches-count").textContent = `The ${all.length} ways that you have gone`;
  const under = (parent) => {
    const mine = all.filter((b) => b.parent === parent);
    return mine.length ? element("ul", {}, ...mine.map((b) => element("li", {}, element("button", { type: "button", class: b.failed ? "link broke" : "link", "aria-current": b.current ? "true" : null,
      title: "go to its end", onclick: () => run("branch " + b.number) }, (b.current ? "▸ " : "") + (b.failed ? "✗ " : "") + branchText(b)), under(b.number)))) : null;
  };
  const focused = $("branches-tree").contains(document.activeElement);
  $("branches-tree").replaceChildren(under(0) ?? "");
  if (focused) $("branches-tree").querySelector("[aria-current]")?.focus();
}
