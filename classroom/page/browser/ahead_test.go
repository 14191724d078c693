package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWhatCanCome: each step is followed by what can still come, and the session waits neither for that nor for a longer search.
func TestWhatCanCome(t *testing.T) {
	b := open(t, hash(map[string]any{"n": "detach-race"}), 1280, 720)
	b.click("begin")
	b.wait(`/^From here,? (of )?[0-9]+ .*continuations.* breaks?; the nearest in [0-9]+ switch/.test($("foresight").textContent)`)
	before := b.text(`$("foresight").textContent`)
	b.do(chromedp.Evaluate(`run("statement A")`, nil))
	b.wait(`$("foresight").textContent === "From here nothing can break any more." || $("foresight").textContent.includes("none of")`)
	b.do(chromedp.Evaluate(`run("go 0")`, nil))
	b.wait(`/^From here,? (of )?[0-9]+/.test($("foresight").textContent)`)
	t.Log(before, "|", b.text(`$("foresight").textContent`))

	long := open(t, hash(map[string]any{"n": "fork-parent"}), 1280, 720)
	long.click("begin")
	long.wait(`$("foresight").textContent.includes("These are not all")`)
	long.do(chromedp.Evaluate(`document.activeElement.blur(); dispatchEvent(new KeyboardEvent("keydown", { key: "a" }))`, nil))
	long.wait(`$("foresight").textContent.startsWith("searching what can still come")`)
	long.do(chromedp.Evaluate(`window.t0 = performance.now(); run("A").then(() => { window.took = performance.now() - t0; })`, nil))
	long.wait(`window.took > 0`)
	if took := long.text("Math.round(took) < 3000"); took != "true" {
		t.Errorf("a step took %s ms while a search goes on", long.text("Math.round(took)"))
	}
	t.Logf("a step takes %s ms while a search goes on", long.text("Math.round(took)"))
	long.wait(`place.at === 1 && $("foresight").textContent.startsWith("From here")`)
	if said := long.text(`$("foresight").textContent`); strings.Contains(said, "10 s") {
		t.Errorf("what was asked for an earlier step is told for this one: %s", said)
	}
}
