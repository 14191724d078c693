package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestBreakALevel: by clicks one comes to the violation that vmasim knows, which the engine judges and ranks; it is remembered.
func TestBreakALevel(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race", "v": "levels"}), 1280, 720)
	b.wait(`document.querySelectorAll("[data-level]").length >= 12`)
	b.shot("levels-1280")
	b.do(chromedp.Evaluate(`document.querySelector('[data-level="two-faults"]').click()`, nil))
	b.wait(`shown === "run" && place && place.at === 0 && !$("level").hidden && level.name === "two-faults"`)
	if visible := b.text(`getComputedStyle($("explore")).display + getComputedStyle($("violation")).display`); visible != "nonenone" {
		t.Errorf("what would solve the level can be seen: %s", visible)
	}
	b.click("level-hint")
	b.wait(`$("level").querySelectorAll("ol li").length === 1`)
	made, err := make()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(made.vmasim, "explore", "two-faults", "--rules", b.text("level.rules"), "--strategy", "bounded", "--format", "json").Output()
	var native struct{ Schedule string }
	if err := json.Unmarshal(out, &native); err != nil {
		t.Fatal(err)
	}
	turns := regexp.MustCompile(`([A-P])(\d*)`).FindAllStringSubmatch(native.Schedule[strings.LastIndexByte(native.Schedule, ':')+1:], -1)
	for i, turn := range turns {
		n, err := strconv.Atoi(turn[2])
		if err != nil {
			n = 1
		}
		for range n {
			b.click2(fmt.Sprintf(`#next button:nth-child(%d)`, turn[1][0]-'A'+1))
		}
		if i == 0 {
			b.shot("level-break-1280")
		}
	}
	b.wait(`$("level-mark").textContent.includes("Solved, with") && $("level-best")`)
	b.shot("level-broken-1280")
	if said := b.text(`$("level-best").textContent`); !strings.Contains(said, "preemption") && !strings.Contains(said, "no run") {
		t.Errorf("the best is said to be %q", said)
	}
	b.click("level-leave")
	b.wait(`$("level").hidden && document.querySelector(".levels .done")?.textContent.includes("Two faults")`)
	if visible := b.text(`getComputedStyle($("explore")).display`); visible == "none" {
		t.Error("exploring is gone for good")
	}
}

// TestAWellEndedRun is no solution, and can be taken back.
func TestAWellEndedRun(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race", "v": "levels"}), 390, 844)
	b.shot("levels-390")
	b.do(chromedp.Evaluate(`document.querySelector('[data-level="december"]').click()`, nil))
	b.wait(`shown === "run" && place && place.at === 0`)
	b.shot("level-break-390")
	for _, task := range []string{"A", "B"} {
		for b.text(`place.trace.next?.some((n) => n.task === place.trace.tasks[`+strconv.Itoa(int(task[0]-'A'))+`])`) == "true" {
			b.do(chromedp.Evaluate(`run("`+task+` 1")`, nil, awaiting))
		}
	}
	b.wait(`$("level-mark").textContent.includes("Not yet") && $("level-mark").textContent.includes("ends well")`)
	b.click("back")
	b.wait(`place.at < place.len && !$("level-mark").textContent.includes("ends well")`)
}

// TestMendALevel: a wrong set of rules is met with the run that still breaks, a right one is verified and ranked.
func TestMendALevel(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race", "v": "levels"}), 1280, 720)
	b.do(chromedp.Evaluate(`document.querySelector('[data-level="mend-detach"]').click()`, nil))
	b.wait(`level?.name === "mend-detach" && document.querySelectorAll("#mend input").length > 5`)
	b.shot("level-mend-1280")
	b.do(chromedp.Evaluate(`document.querySelector('[data-rule="detach-waits"]').click()`, nil))
	b.wait(`$("mend-count").textContent === "1 switched"`)
	b.click("mend-check")
	b.wait(`$("level-mark").textContent.includes("Not mended") && $("level-show")`)
	b.shot("level-not-mended-1280")
	b.click("level-show")
	b.wait(`shown === "run" && place && place.over && place.trace.ending === "violation" && rules() === "refcount-v6,+detach-waits"`)
	b.shot("level-counter-1280")
	b.press("#views button", "Levels")
	b.wait(`document.querySelector('[data-rule="detach-waits"]').checked`)
	b.do(chromedp.Evaluate(`document.querySelector('[data-rule="settle-before-put"]').click()`, nil))
	b.click("mend-check")
	b.wait(`$("level-mark").textContent.includes("Solved, with 2 rules") && $("level-best")`)
	b.shot("level-mended-1280")
	if said := b.text(`$("level-best").textContent`); !strings.Contains(said, "no set of fewer rules mends it") {
		t.Errorf("the best is said to be %q", said)
	}
	again := open(t, hash(map[string]any{"n": "detach-race", "v": "levels"}), 390, 844)
	again.do(chromedp.Evaluate(`document.querySelector('[data-level="mend-vma-mm"]').click()`, nil))
	again.wait(`level?.name === "mend-vma-mm"`)
	again.shot("level-mend-390")
}

// TestIndex: the course has an index that leads to each page, and a lesson's page begins with its lesson.
func TestIndex(t *testing.T) {
	t.Parallel()
	made, err := make()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(made.vmasim, "page", "--all", "-o", dir)
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(pages) < 6 {
		t.Fatalf("%v, %v", pages, err)
	}
	for _, p := range pages {
		if i, err := os.Stat(p); err != nil || i.Size() > 4<<20 {
			t.Errorf("%s: %d bytes, %v", p, i.Size(), err)
		}
	}
	b := open(t, "", 1280, 720)
	b.do(chromedp.Navigate("file://" + filepath.Join(dir, "index.html")))
	b.shot("index-1280")
	if n := b.text(`document.querySelectorAll("ol a").length`); n != strconv.Itoa(len(pages)-1) {
		t.Errorf("%s links to %d pages", n, len(pages)-1)
	}
	b.do(chromedp.EmulateViewport(390, 844))
	b.shot("index-390")
	b.do(chromedp.EmulateViewport(1280, 720), chromedp.Navigate(b.text(`document.querySelector('a[href="reuse.html"]').href`)))
	b.wait(`document.documentElement.dataset.ready === "yes" && shown === "lesson" && $("lesson-title").textContent.startsWith("1.")`)
	b.shot("lesson-page-1280")
	b.press(".choice", "main")
	b.wait(`document.querySelector(".mark.wrong")?.textContent.includes("It is B")`)
}

// awaiting has an expression's promise waited for.
func awaiting(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
