package browser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestStatePicture: what a step changes in an address space is drawn before and after it, marked, and said.
func TestStatePicture(t *testing.T) {
	t.Parallel()
	b := explored(t, "put-to-zero", 1280, 720)
	step := b.text(`whole.between[0].step`)
	b.do(chromedp.Evaluate(`run("go `+step+`")`, nil))
	b.wait(`place.at === ` + step + ` && document.querySelectorAll("#spaces .area.changed").length > 0`)
	said := b.text(`document.querySelector("#spaces svg").getAttribute("aria-label")`)
	for _, part := range []string{"before step " + step + ": vma#1 A..A+4K rw-p", "changed", "After it: nothing is mapped"} {
		if !strings.Contains(said, part) {
			t.Errorf("the picture does not say %q: %s", part, said)
		}
	}
	b.do(chromedp.Evaluate(`$("both").scrollIntoView()`, nil))
	b.shot("state-1280")
	b.do(chromedp.Evaluate(`document.documentElement.classList.add("dark")`, nil))
	b.shot("state-dark-1280")
	b.do(chromedp.Evaluate(`run("go 0")`, nil))
	b.wait(`place.at === 0 && !document.querySelector("#spaces .changed")`)
}

// TestPagesInThePicture: a fault makes a page present, which the bar, its words and the entries tell.
func TestPagesInThePicture(t *testing.T) {
	t.Parallel()
	b := explored(t, "fork-parent", 1280, 720)
	words := b.text(`document.querySelector("#spaces svg").getAttribute("aria-label")`)
	if !strings.Contains(words, "1 page present") || !strings.Contains(words, "anon_vma#1") {
		t.Errorf("the picture says %s", words)
	}
	if n := b.text(`document.querySelectorAll("#spaces .present").length > 0 && $("entries").rows.length > 0`); n != "true" {
		t.Error("no page is drawn")
	}
	step := b.text(`whole.entries.filter((c) => c.step && c.was && c.is && c.was.writable !== c.is.writable)[0].step`)
	b.do(chromedp.Evaluate(`run("go `+step+`")`, nil))
	b.wait(`place.at === ` + step + ` && document.querySelector("#entries .changed")?.textContent.includes("→")`)
	b.do(chromedp.Evaluate(`$("both").scrollIntoView()`, nil))
	b.shot("state-fork-1280")
	b.do(chromedp.Evaluate(`run("go " + place.len)`, nil))
}

// TestFollow: from a cell or an object one goes along the steps that touch it, and from a cell to the step that has written it.
func TestFollow(t *testing.T) {
	t.Parallel()
	b := explored(t, "detach-race", 1280, 720)
	link := `[...document.querySelectorAll("#cells button.link")].find((x) => x.textContent === "vma#1.vm_refcnt")`
	b.do(chromedp.Evaluate(link+`.click()`, nil))
	b.wait(`followed === "vma#1.vm_refcnt" && !$("followed").hidden && document.querySelectorAll("#steps tr.touches").length > 2`)
	at := b.text("place.at")
	want := b.text(`whole.steps.filter((s) => s.cell === "vma#1.vm_refcnt" && s.step < place.at).pop().step`)
	b.do(chromedp.Evaluate(`document.activeElement.blur(); dispatchEvent(new KeyboardEvent("keydown", { key: "[" }))`, nil))
	b.wait(`place.at === ` + want)
	b.shot("follow-1280")
	b.do(chromedp.Evaluate(`$("followed").querySelectorAll("button")[1].click()`, nil))
	b.wait(`place.at === ` + at)
	writer := b.text(`place.cells.find((c) => c.name === "vma#1.vm_lock_seq").step`)
	b.do(chromedp.Evaluate(`[...document.querySelectorAll("#cells tr")].find((tr) => tr.textContent.startsWith("vma#1.vm_lock_seq")).querySelector("td:last-child button").click()`, nil))
	b.wait(`place.at === ` + writer)
	b.do(chromedp.Evaluate(`dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }))`, nil))
	b.wait(`followed === "" && $("followed").hidden && !document.querySelector("#steps tr.touches")`)
	if said := b.text(`$("locks").textContent`); !strings.Contains(said, "mm.mmap_lock write: B writer since step") {
		t.Errorf("who has what: %s", said)
	}
	small := open(t, b.text("location.hash"), 390, 844)
	small.wait(`place && place.at > 0`)
	small.do(chromedp.Evaluate(`$("state").scrollIntoView()`, nil))
	small.shot("state-390")
	if wide := small.text(`document.documentElement.scrollWidth`); wide != "390" {
		t.Errorf("a page of %s pixels in a window of 390", wide)
	}
}

// TestWatchAndAddress: what is watched and followed stands beside the cells, is marked when it changes, and is in the link.
func TestWatchAndAddress(t *testing.T) {
	t.Parallel()
	b := explored(t, "detach-race", 1280, 720)
	watch := func(text string) {
		b.do(chromedp.Evaluate(`$("watch-text").value = "`+text+`"; $("watch").requestSubmit()`, nil))
	}
	watch("vma#1.vm_refcnt > 1")
	b.wait(`$("watches").rows.length === 1 && $("watch-text").value === ""`)
	watch("vma#1.vm_refcnt > ")
	b.wait(`document.querySelector("#said .wrong") && $("watch-text").value !== ""`)
	b.do(chromedp.Evaluate(`$("grain").value = "all"; $("grain").onchange(); follow("vma#1"); run("go 29")`, nil))
	b.wait(`place.at === 29 && $("watches").querySelector(".changed") && $("watches").textContent.includes("false → true")`)
	again := open(t, b.text("location.hash"), 1280, 720)
	again.wait(`place && place.at === 29 && followed === "vma#1" && $("grain").value === "all" && $("watches").rows.length === 1`)
	again.do(chromedp.Evaluate(`$("watches").querySelector("button").click()`, nil))
	again.wait(`$("watches").rows.length === 0`)
}

// TestPrint: on paper stand the scenario, the verdict, the columns with their bands, and the state, and nothing that one clicks to go on.
func TestPrint(t *testing.T) {
	t.Parallel()
	b := explored(t, "put-to-zero", 1280, 720)
	b.do(chromedp.Evaluate(`document.documentElement.classList.add("dark"); dispatchEvent(new Event("beforeprint"))`, nil),
		emulation.SetDeviceMetricsOverride(718, 1000, 1, false), emulation.SetEmulatedMedia().WithMedia("print"))
	b.do(chromedp.Evaluate(`draw()`, nil))
	for _, there := range []string{"backdrop", "verdict", "steps", "bands", "legend", "spaces", "cells", "generation"} {
		if b.text(`$("`+there+`").getBoundingClientRect().height > 5`) != "true" {
			t.Errorf("%s is not printed", there)
		}
	}
	for _, gone := range []string{"text", "slider", "explore", "next", "copy", "watch"} {
		if b.text(`$("`+gone+`").getBoundingClientRect().height`) != "0" {
			t.Errorf("%s is printed", gone)
		}
	}
	if b.text(`$("lanes").scrollHeight <= $("lanes").clientHeight + 1 && document.documentElement.scrollWidth <= 718`) != "true" {
		t.Errorf("the columns are cut: %s", b.text(`[$("lanes").scrollHeight, $("lanes").clientHeight, document.documentElement.scrollWidth]`))
	}
	at := b.text(`(() => { const g = document.querySelector("#bands .life.detached rect").getBoundingClientRect(), n = whole.lives[0].phases[1].from, r = [...$("steps").tBodies[0].rows].find((tr) => +tr.dataset.from <= n && n <= +tr.dataset.to).getBoundingClientRect(); return g.top >= r.top && g.top <= r.bottom; })()`)
	if at != "true" {
		t.Error("a band does not begin in its row")
	}
	if dir := os.Getenv("VMASIM_SHOTS"); dir != "" {
		var picture []byte
		b.do(chromedp.FullScreenshot(&picture, 100))
		if err := os.WriteFile(filepath.Join(dir, "print.png"), picture, 0o644); err != nil {
			t.Fatal(err)
		}
		b.do(emulation.SetEmulatedMedia(), chromedp.ActionFunc(func(ctx context.Context) error {
			pdf, _, err := page.PrintToPDF().WithPrintBackground(true).Do(ctx)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "print.pdf"), pdf, 0o644)
		}))
	}
}
