package browser

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// explained waits for what is said of a name, and compares it with what vmasim explain says.
func (b *browser) explained(name string) {
	b.t.Helper()
	b.wait(`!$("explained").hidden && $("explain-text").dataset.of === "` + name + `"`)
	made, _ := make()
	out, err := exec.Command(made.vmasim, "explain", name, "--format", "json").Output()
	if err != nil {
		b.t.Fatal(err)
	}
	var entries []struct {
		Name, Kind, Does string
		Facts            []struct{ Label, Text string }
	}
	if err := json.Unmarshal(out, &entries); err != nil {
		b.t.Fatal(err)
	}
	flat := func(s string) string { return strings.Join(strings.Fields(s), "") }
	said := flat(b.text(`$("explain-text").textContent`))
	for _, e := range entries {
		want := []string{e.Name + e.Kind, e.Does}
		for _, f := range e.Facts {
			want = append(want, f.Label+f.Text)
		}
		for _, w := range want {
			if !strings.Contains(said, flat(w)) {
				b.t.Errorf("%s: the page does not say %q but\n%s", name, w, said)
			}
		}
	}
}

// TestExplainsByClick: the current step says what its function does, and each name in it, in the cells, in the verdict, the story and the
// list of rules is explained when it is clicked; the litmus test that shows it is chosen by a click.
func TestExplainsByClick(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{1280, 720}, {390, 844}} {
		b := open(t, hash(map[string]any{"n": "detach-race"}), size[0], size[1])
		suffix := "-1280"
		if size[0] < 600 {
			suffix = "-390"
		}
		b.wait(`names.size > 500 && document.querySelector("#prose .name")`)
		b.click("explore")
		b.wait(`$("verdict").className === "violation" && place && document.querySelector("#steps tr.now .name") && document.querySelector("#verdict b .name")`)
		if said := b.text(`$("doing").textContent`); !strings.Contains(said, b.text(`names.get(place.trace.steps[place.at - 1].function).sentence`)) {
			t.Errorf("of the current step the page says %q", said)
		}
		for _, where := range []string{"#steps tr.now", "#cells", "#verdict b", "#prose"} {
			name := b.text(`document.querySelector("` + where + ` .name").dataset.name`)
			b.do(chromedp.Evaluate(`document.querySelector("`+where+` .name").click()`, nil))
			b.explained(name)
		}
		b.do(chromedp.Evaluate(`document.querySelector("#families [data-name=detach-waits]").click()`, nil))
		b.explained("detach-waits")
		if checked := b.text(`boxes().find((x) => x.value === "detach-waits").indeterminate`); checked != "true" {
			t.Error("a question about a rule has switched it")
		}
		b.shot("explain" + suffix)
		if wide := b.text("innerWidth"); size[0] < 600 && wide != "390" {
			t.Errorf("the page is %s wide", wide)
		}
		b.do(chromedp.Evaluate(`[...document.querySelectorAll("#explain-text dd button")].find((x) => x.textContent === "put-to-zero").click()`, nil))
		b.wait(`$("scenario").value === "put-to-zero" && $("text").value.includes("munmap")`)
	}
}

// TestExplainsByKeyboard: a name is reached by Tab, explained by Enter, and closed by Escape, which leads back; ? explains the step, and what is
// typed is explained, too, or what was meant.
func TestExplainsByKeyboard(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race"}), 1280, 720)
	b.wait(`names.size > 500`)
	b.click("begin")
	b.wait(`place && place.at === 0`)
	b.click2(`#next button:nth-child(1)`)
	b.wait(`document.querySelector("#steps tr.now .name")`)
	b.do(chromedp.Evaluate(`document.querySelector("#steps tr.now").focus()`, nil), chromedp.KeyEvent("\t"))
	name := b.text(`document.activeElement.dataset.name`)
	if name == "undefined" {
		t.Fatal("Tab leads to no name")
	}
	at := b.text("place.at")
	b.do(chromedp.KeyEvent("\r"))
	b.explained(name)
	b.shot("explain-keyboard-1280")
	b.do(chromedp.KeyEvent("\u001b"))
	b.wait(`$("explained").hidden && document.activeElement.dataset.name === "` + name + `"`)
	if now := b.text("place.at"); now != at {
		t.Errorf("Enter on a name has led to step %s", now)
	}
	b.do(chromedp.Evaluate(`document.activeElement.blur()`, nil), chromedp.KeyEvent("?"))
	b.explained(b.text(`functionOf(place.trace.steps[place.at - 1])`))
	b.do(chromedp.Evaluate(`$("explain-name").value = "vma_start_raed"; $("explain-name").focus()`, nil), chromedp.KeyEvent("\r"))
	b.wait(`$("explain-text").textContent.includes('did you mean "vma_start_read"?')`)
	b.do(chromedp.Evaluate(`$("explain-name").value = "EAGAIN"; $("explain-form").requestSubmit()`, nil))
	b.explained("EAGAIN")
}

// TestEveryStepIsExplained: no function and no field in the run of a scenario lacks a mark once one points at its step.
func TestEveryStepIsExplained(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race"}), 1280, 720)
	b.wait(`names.size > 500`)
	b.click("explore")
	b.wait(`$("verdict").className === "violation" && place`)
	b.do(chromedp.Evaluate(`$("grain").value = "all"; show()`, nil))
	b.do(chromedp.Evaluate(`for (const tr of document.querySelectorAll("#steps tbody tr")) tr.dispatchEvent(new Event("focusin", { bubbles: true }))`, nil))
	missing := b.text(`whole.steps.filter((s) => { const row = [...document.querySelectorAll("#steps tbody tr")].find((tr) => +tr.dataset.to === s.step);
		const there = [...row.querySelectorAll(".name")].map((n) => n.dataset.name);
		return !functionOf(s) || (/\./.test(s.cell) && !there.includes(known(s.cell))) }).map((s) => s.step + " " + s.function + " " + s.cell).join("\n")`)
	if missing != "" {
		t.Errorf("not explained:\n%s", missing)
	}
}
