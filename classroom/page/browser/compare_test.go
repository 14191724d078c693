package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// race is the run of the v6 detach race, as the address has it.
func race(more map[string]any) string {
	state := map[string]any{"n": "detach-race", "s": "v2:2e2204b5:52d60568:A8 B20 A4 B1 A1", "a": 34}
	for key, value := range more {
		state[key] = value
	}
	return hash(state)
}

// TestTwoGenerations: the race of version 6 under Linux 6.18: where they part, because of which rule, the state of both, one slider, and the link.
func TestTwoGenerations(t *testing.T) {
	t.Parallel()
	b := open(t, race(nil), 1280, 720)
	b.do(chromedp.Evaluate(`view("compare")`, nil))
	if value := b.text(`$("compare-rules").value`); value != "linux-6.18" {
		t.Errorf("what stands beside it is %s", value)
	}
	b.do(chromedp.Evaluate(`window.t0 = performance.now()`, nil))
	b.click("compare-go")
	b.wait(`pair && document.querySelectorAll("#compare-partings li").length === 2 && $("compare-cells").textContent.includes("vm_refcnt")`)
	t.Logf("compared in %s ms", b.text("Math.round(performance.now() - t0)"))
	said := b.text(`$("compare-partings").textContent`)
	for _, want := range []string{"behind step 33: writer waits in vma_mark_detached under linux-6.18", "because of rule detach-waits, which linux-6.18 has and refcount-v6 has not", "step 34: under refcount-v6 the run breaks lock-left-held"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
	if at := b.text(`$("compare-at").textContent`); at != "33 | 35" {
		t.Errorf("it stands at %s", at)
	}
	if cells := b.text(`[...document.querySelectorAll("#compare-cells tr.changed")].map((r) => r.textContent).join()`); !strings.Contains(cells, "≠ vma#1.vm_refcnt10x40000001") {
		t.Errorf("the cells that differ: %s", cells)
	}
	b.shot("compare-1280")
	b.do(chromedp.Evaluate(`$("compare-slider").value = 10; $("compare-slider").dispatchEvent(new Event("input"))`, nil))
	b.wait(`$("compare-at").textContent === "10 | 8" && document.querySelector("#pairs tr.now") && $("compare-cells").textContent.includes("mm_lock_seq")`)
	b.do(chromedp.Evaluate(`document.activeElement.blur(); dispatchEvent(new KeyboardEvent("keydown", { key: "End" }))`, nil))
	b.wait(`$("compare-at").textContent === "34 | 66" && $("compare-maps-1").textContent.includes("empty")`)
	b.do(chromedp.Evaluate(`dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }))`, nil))
	b.wait(`$("compare-at").textContent !== "34 | 66"`)
	link := b.text("location.hash")
	again := open(t, link, 390, 844)
	again.wait(`pair && document.querySelectorAll("#compare-partings li").length === 2 && $("compare-cells").textContent.includes("vm_refcnt")`)
	again.do(chromedp.Evaluate(`$("view-compare").scrollIntoView()`, nil))
	again.shot("compare-390")
	again.do(chromedp.Evaluate(`$("pairs-box").scrollIntoView()`, nil))
	again.shot("compare-rows-390")
	if wide := again.text(`document.documentElement.scrollWidth`); wide != "390" {
		t.Errorf("the page is %s wide", wide)
	}
}

// TestTwoRuns: a way that was left, and one by its schedule, beside the current one; and mistakes.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	b := open(t, race(nil), 1280, 720)
	b.do(chromedp.Evaluate(`run("go 8").then(() => run("A 3"))`, nil))
	b.wait(`place.branches.length === 2 && place.at === 11`)
	b.do(chromedp.Evaluate(`view("compare"); $("compare-with").value = "branch"; showCompareKind()`, nil))
	b.click("compare-go")
	b.wait(`pair && $("compare-partings").textContent.includes("step 9: in the first run comes reader")`)
	b.shot("compare-branch-1280")
	b.do(chromedp.Evaluate(`$("compare-with").value = "run"; showCompareKind(); $("compare-schedule").value = place.run`, nil))
	b.click("compare-go")
	b.wait(`$("compare-partings").textContent === "Both go the same way."`)
	b.do(chromedp.Evaluate(`$("compare-schedule").value = "v2:2e2204b5:52d60568:A99"`, nil))
	b.click("compare-go")
	b.wait(`$("compare-progress").textContent.includes("the second run: the schedule does not fit: at step 17")`)
	b.do(chromedp.Evaluate(`$("compare-with").value = "rules"; showCompareKind(); $("compare-rules").value = "linux-9"`, nil))
	b.click("compare-go")
	b.wait(`$("compare-progress").textContent.includes("linux-9")`)
	b.do(chromedp.Evaluate(`$("text").value += "\n"; changed()`, nil))
	b.wait(`$("compare-stage").hidden && $("compare-progress").textContent.includes("no run yet") && $("compare-go").disabled`)
}

// TestBranches: going back and another way keeps the old one, a click goes there, and it is there when the page is opened again; a change of the rules
// forgets it.
func TestBranches(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race"}), 1280, 720)
	b.click("explore")
	b.wait(`place && place.len > 0 && place.at === place.len`)
	n := b.text("place.len")
	b.do(chromedp.Evaluate(`run("go 8").then(() => run("A 4")).then(() => run("undo 2")).then(() => run("B 3"))`, nil))
	b.wait(`document.querySelectorAll("#branches li").length === 3 && place.at === 13`)
	b.shot("branches-1280")
	if said := b.text(`$("branches").textContent`); !strings.Contains(said, "breaks lock-left-held") || !strings.Contains(said, "stands behind step 12") {
		t.Errorf("the ways: %s", said)
	}
	b.do(chromedp.Reload())
	b.wait(`document.documentElement.dataset.ready === "yes" && document.querySelectorAll("#branches li").length === 3 && place.at === 13`)
	b.do(chromedp.Evaluate(`document.querySelector("#branches button").click()`, nil))
	b.wait(`place.over && place.at === ` + n)
	b.click("begin")
	b.wait(`place.at === 0 && place.len === 0 && document.querySelectorAll("#branches li").length === 4`)
	b.do(chromedp.Evaluate(`$("generation").value = "linux-6.18"; $("generation").dispatchEvent(new Event("change"))`, nil))
	b.click("begin")
	b.wait(`place && place.at === 0 && place.rules === "linux-6.18" && $("branches").hidden`)
	small := open(t, race(nil), 390, 844)
	small.do(chromedp.Evaluate(`run("go 8").then(() => run("A 4"))`, nil))
	small.wait(`document.querySelectorAll("#branches li").length === 2`)
	small.do(chromedp.Evaluate(`$("stage").scrollIntoView()`, nil))
	small.shot("branches-390")
}

// TestOtherVersion: a link of other rules shows the run as far as it goes, and says which step is not possible.
func TestOtherVersion(t *testing.T) {
	t.Parallel()
	b := open(t, race(map[string]any{"r": "linux-6.18"}), 1280, 720)
	b.wait(`place && place.at === 25 && !$("misfit").hidden`)
	if said := b.text(`$("misfit").textContent`); !strings.Contains(said, "the schedule belongs to rules refcount-v6, this is linux-6.18") || !strings.Contains(said, "at step 26 it gives the turn to writer") {
		t.Errorf("the page says %q", said)
	}
	b.shot("misfit-1280")
}
