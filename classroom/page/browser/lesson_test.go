package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// lessonAt is the hash of a step of a lesson, from 0.
func lessonAt(name string, step int) string {
	return hash(map[string]any{"n": "detach-race", "v": "lesson", "l": []any{name, step}})
}

// press clicks the button of a selector with this text.
func (b *browser) press(selector, text string) {
	b.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll(%q)].find((e) => e.textContent.trim() === %q)`, selector, text)
	b.wait(find + " && !" + find + ".disabled")
	b.do(chromedp.Evaluate(find+".click()", nil))
}

// TestPredictions: a wrong one is met with what the engine finds and the run that shows it, a right one is marked so; both are remembered.
func TestPredictions(t *testing.T) {
	t.Parallel()
	b := open(t, lessonAt("detach", 2), 1280, 720)
	b.wait(`!$("view-lesson").hidden && document.querySelectorAll(".choice").length === 2`)
	if text := b.text(`$("view-lesson").textContent`); strings.Contains(text, "lockdep that the lock was released") {
		t.Error("the explanation stands there before the prediction")
	}
	b.shot("lesson-question-1280")
	b.press(".choice", "verified")
	b.wait(`document.querySelector(".mark.wrong")?.textContent.includes("It is violation")`)
	b.shot("lesson-wrong-1280")
	if text := b.text(`$("lesson-reveal").textContent`); !strings.Contains(text, "executions") || !strings.Contains(text, "lockdep") {
		t.Errorf("the page reveals %q", text)
	}
	b.click("lesson-show")
	b.wait(`shown === "run" && place && place.over && place.trace.ending === "violation" && rules() === "refcount-v6"`)
	b.shot("lesson-run-1280")
	b.press("#views button", "Lesson")
	b.press("#view-lesson button", "Go on")
	b.wait(`told.step === 3 && document.activeElement.id === "lesson-title"`)
	b.press("#view-lesson button", "Back")
	b.press("#view-lesson button", "Ask me again")
	b.wait(`$("lesson-question").textContent.includes("Last time you said verified, which was wrong")`)
	b.press(".choice", "violation")
	b.wait(`document.querySelector(".mark.right")?.textContent.includes("You said violation, and so it is")`)
	if state := b.text(`document.querySelectorAll(".dot")[2].textContent`); state != "✓" {
		t.Errorf("the step is marked %s", state)
	}
}

// TestPlaceOfAStep: the run so far is shown without what is asked, and the answer is the value behind it.
func TestPlaceOfAStep(t *testing.T) {
	t.Parallel()
	b := open(t, lessonAt("detach", 1), 390, 844)
	b.shot("lesson-390")
	b.click("lesson-place")
	b.wait(`shown === "run" && place && place.at > 0`)
	if last := b.text(`place.trace.steps.at(-1).task + " " + place.cells.find((c) => c.name === "vma#1.vm_refcnt").value`); last != "reader 2" {
		t.Errorf("the run ends with %s", last)
	}
	b.press("#views button", "Lesson")
	b.press(".choice", "0")
	b.wait(`document.querySelector(".mark.wrong")?.textContent.includes("It is 1")`)
	b.shot("lesson-wrong-390")
}

// TestTables: the page shows both, within its width.
func TestTables(t *testing.T) {
	t.Parallel()
	for step, want := range map[int]string{2: "excluded", 7: "anon_vma_chain"} {
		b := open(t, lessonAt("locks", step), 390, 844)
		b.wait(`document.querySelector("table.grid").textContent.includes("` + want + `")`)
		if wide := b.text(`document.documentElement.scrollWidth`); wide != "390" {
			t.Errorf("the page is %s wide", wide)
		}
		b.shot("lesson-table-" + want + "-390")
		b.do(chromedp.EmulateViewport(1280, 720))
		b.shot("lesson-table-" + want + "-1280")
	}
}
