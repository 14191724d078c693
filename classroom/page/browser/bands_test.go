package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// explored opens a scenario, explores it, and waits for its counterexample.
func explored(t *testing.T, name string, width, height int) *browser {
	t.Helper()
	b := open(t, hash(map[string]any{"n": name}), width, height)
	b.click("explore")
	b.wait(`$("verdict").className.includes("violation") && place && place.at === place.len && place.len > 0`)
	return b
}

// TestBands: the lives of two VMAs in one memory, and a hold for each way to hold mmap_lock, with the steps that begin and end them.
func TestBands(t *testing.T) {
	t.Parallel()
	b := explored(t, "put-to-zero", 1280, 720)
	b.shot("bands-put-1280")
	words := b.text(`$("bands").getAttribute("aria-label")`)
	for _, part := range []string{"vma#1: attached from the beginning to step", "vma#2 attached", "detached", "freed", "mmap_lock: writer writes", "writer reads", "reader is inside rcu_read_lock"} {
		if !strings.Contains(words, strings.Replace(part, "to step", "to ", 1)) {
			t.Errorf("the bands do not say %q: %s", part, words)
		}
	}
	for selector, n := range map[string]string{".life.attached.life0": "1", ".life.attached.life1": "1", ".life.freed": "1"} {
		if got := b.text(`document.querySelectorAll("#bands ` + selector + `").length`); got != n {
			t.Errorf("%s bands %s, expected %s", got, selector, n)
		}
	}
	from := b.text(`whole.lives.find((l) => l.name === "vma#1").phases[1].from`)
	b.do(chromedp.Evaluate(`document.querySelector("#bands .life.detached").dispatchEvent(new MouseEvent("click"))`, nil))
	b.wait(`place.at === ` + from)
	b.do(chromedp.Evaluate(`$("grain").value = "all"; show()`, nil))
	at := b.text(`(() => { const g = document.querySelector("#bands .life.detached rect").getBoundingClientRect(), r = document.querySelector("#steps tr.now").getBoundingClientRect(); return g.top >= r.top && g.top <= r.bottom; })()`)
	if at != "true" {
		t.Errorf("the band does not begin in the row of step %s", from)
	}
	b.shot("bands-put-all-1280")
	small := explored(t, "put-to-zero", 390, 844)
	small.do(chromedp.Evaluate(`$("lanes").scrollIntoView()`, nil))
	small.shot("bands-put-390")
	if wide := small.text(`document.documentElement.scrollWidth`); wide != "390" {
		t.Errorf("a page of %s pixels in a window of 390", wide)
	}
}

// TestBandsOfGracePeriods: a grace period stands in the column of the task that waits, and is tied to the sections that it waits for.
func TestBandsOfGracePeriods(t *testing.T) {
	t.Parallel()
	b := explored(t, "fork-parent", 1280, 720)
	if n := b.text(`document.querySelectorAll("#bands .grace").length > 0 && document.querySelectorAll("#bands .awaits").length > 0`); n != "true" {
		t.Errorf("no grace period is drawn that waits for a section: %s", b.text(`$("bands").getAttribute("aria-label")`))
	}
	b.do(chromedp.Evaluate(`document.documentElement.classList.add("dark")`, nil))
	b.shot("bands-grace-dark-1280")
	if took := b.text(`(() => { $("grain").value = "all"; const t = performance.now(); show(); return performance.now() - t; })()`); took == "" {
		t.Error("no time")
	} else {
		t.Logf("%s steps are drawn in %s ms", b.text("whole.steps.length"), took)
	}
}
