package browser

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// recorded runs a scenario in which tasks wait for each other, with a trace and lines of JSON, and makes a page of each.
func recorded(t *testing.T) (dir string) {
	t.Helper()
	made, err := make()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, line := range []string{"run mmap-churn --rules mmap-lock --duration 300ms --trace churn.pftrace --events churn.ndjson",
		"timeline churn.pftrace -o churn.html", "timeline churn.ndjson -o lines.html"} {
		cmd := exec.Command(made.vmasim, strings.Fields(line)...)
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("vmasim %s: %v\n%s", line, err, text)
		}
	}
	return dir
}

// slices are those of the timeline that is shown, in the order of tracks and time, one a line: the task, its depth, what it is, when it begins and
// ends, and its arguments.
const slices = `(() => { const t = timeline.t; return t.shown.flatMap((s) => (s.rows ?? []).flatMap((row, depth) => row.map((i) =>
	[s.name, depth, t.names[t.name[i]], t.from[i], t.to[i], ...t.args(i).map((a) => a.join("=")).sort()].join(" ")))).join("\n"); })()`

// TestTimelineOfARun: the page that vmasim makes of a trace has what the lines of JSON of the same run have: slices, waits with who held what was waited for,
// and counters; and a wait in the list is shown by a click.
func TestTimelineOfARun(t *testing.T) {
	t.Parallel()
	dir := recorded(t)
	b := launch(t, 1280, 800)
	b.do(chromedp.Navigate("file://" + filepath.Join(dir, "churn.html")))
	b.wait(`timeline.t && !timeline.opening`)
	b.shot("timeline-1280")
	text, err := os.ReadFile(filepath.Join(dir, "churn.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	begun, waits, counted, held := 0, 0, 0, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var e struct {
			Event, What, Name string
			Args              map[string]string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Event == "begin":
			begun++
			if e.What == "wait" {
				waits++
			}
		case e.Event == "count":
			counted++
		case e.What == "wait" && e.Args["held by"] != "":
			held[e.Args["held by"]] = true
		}
	}
	if waits == 0 || len(held) == 0 || counted == 0 {
		t.Fatalf("%d waits, held by %v, %d values of counters", waits, held, counted)
	}
	for what, n := range map[string]int{
		`timeline.t.from.length`:  begun,
		`timeline.t.waits.length`: waits,
		`timeline.t.shown.filter((s) => s.counts).reduce((n, s) => n + s.at.length, 0)`: counted,
	} {
		if got := int(b.number(what)); got != n {
			t.Errorf("%s is %d, expected %d", what, got, n)
		}
	}
	said := b.text(`timeline.said.textContent`)
	if !strings.Contains(said, "churn.pftrace") || !strings.Contains(said, "recorded ") {
		t.Errorf("the page says %q", said)
	}
	of := b.text(slices)

	// The longest wait whose holder is known: a click in the list shows it, with who held what it waits for.
	i := b.text(`(() => { const t = timeline.t, k = timeline.listed.findIndex((i) => t.holder(i)); timeline.waits.tBodies[0].rows[k].querySelector("button").click(); return timeline.chosen; })()`)
	about := b.text(`timeline.about.textContent`)
	holder := b.text(`timeline.t.holder(` + i + `)`)
	if !held[holder] || !strings.Contains(about, "held by"+holder) || !strings.Contains(about, "waits for ") {
		t.Errorf("the page tells %q of a wait for what %q held", about, holder)
	}
	b.wait(`timeline.b - timeline.a < 4 * Math.max(60, timeline.t.to[` + i + `] - timeline.t.from[` + i + `]) && timeline.x(timeline.t.from[` + i + `]) > timeline.gutter`)
	b.shot("timeline-wait-1280")
	if os.Getenv("VMASIM_SHOTS") != "" {
		b.do(chromedp.Evaluate(`timeline.about.scrollIntoView()`, nil))
		b.shot("timeline-about-1280")
	}
	if lit := b.text(`timeline.waits.querySelectorAll("tr.now").length`); lit != "1" {
		t.Errorf("%s waits are marked in the list", lit)
	}

	// What is drawn lies where it is found: a click in the middle of the wait chooses it.
	b.do(chromedp.Evaluate(`timeline.choose(-1)`, nil))
	b.do(chromedp.Evaluate(`(() => { const t = timeline.t, v = timeline, i = `+i+`, r = v.canvas.getBoundingClientRect(), lane = v.lanes.find((l) => l.track?.number === t.track[i]);
		const at = { clientX: r.left + v.x((t.from[i] + t.to[i]) / 2), clientY: r.top + topHeight - v.top + lane.y + t.depth[i] * rowHeight + 8, pointerId: 1, bubbles: true };
		v.canvas.setPointerCapture = () => {};
		for (const kind of ["pointermove", "pointerdown", "pointerup"]) v.canvas.dispatchEvent(new PointerEvent(kind, at)); })()`, nil))
	if chosen := b.text(`timeline.chosen`); chosen != i {
		t.Errorf("a click chooses %s, expected %s", chosen, i)
	}
	if tip := b.text(`timeline.tip.textContent`); !strings.Contains(tip, "held by "+holder) {
		t.Errorf("the tip says %q", tip)
	}
	// A pixel of the wait is red.
	b.wait(`(() => { const v = timeline, t = v.t, i = ` + i + `, lane = v.lanes.find((l) => l.track?.number === t.track[i]), g = v.canvas.getContext("2d");
		const [r, green, blue] = g.getImageData(Math.round(v.x(t.to[i])) - 3, topHeight - v.top + lane.y + t.depth[i] * rowHeight + 3, 1, 1).data; return r > green + 60 && r > blue + 60; })()`)

	// Zoom, by keys and by the wheel, keeps the time below the pointer.
	b.do(chromedp.Evaluate(`timeline.all(); timeline.choose(-1); timeline.canvas.focus()`, nil))
	whole := b.number(`timeline.b - timeline.a`)
	b.do(chromedp.KeyEvent("+"), chromedp.KeyEvent("+"))
	if now := b.number(`timeline.b - timeline.a`); now > whole/3.9 || now < whole/4.1 {
		t.Errorf("+ and + show %g of %g ns", now, whole)
	}
	moved := b.number(`(() => { const v = timeline, r = v.canvas.getBoundingClientRect(), at = v.timeAt(500); v.canvas.dispatchEvent(new WheelEvent("wheel", { clientX: r.left + 500, clientY: r.top + 100, deltaY: -400, ctrlKey: true, cancelable: true })); return v.x(at) - 500; })()`)
	if moved > 1 || moved < -1 {
		t.Errorf("the wheel moves the time below the pointer by %g pixels", moved)
	}
	b.do(chromedp.KeyEvent("n"))
	if b.text(`timeline.chosen === timeline.listed[0]`) != "true" {
		t.Error("n does not go to the longest wait")
	}
	b.do(chromedp.KeyEvent("\ue013")) // up, to the statement that waits
	b.do(chromedp.Evaluate(`for (const key of ["ArrowUp", "ArrowUp", "ArrowUp"]) if (timeline.t.depth[timeline.chosen]) timeline.canvas.dispatchEvent(new KeyboardEvent("keydown", { key }))`, nil))
	if b.text(`timeline.t.kind[timeline.chosen] === kindStatement && timeline.t.to[timeline.chosen] >= timeline.t.to[timeline.listed[0]]`) != "true" {
		t.Errorf("above the wait is %s", b.text(`timeline.about.textContent`))
	}
	b.do(chromedp.Evaluate(`timeline.all(); document.documentElement.classList.add("dark")`, nil))
	b.shot("timeline-dark-1280")

	// The lines of JSON make the same picture.
	b.do(chromedp.Navigate("file://" + filepath.Join(dir, "lines.html")))
	b.wait(`timeline.t && !timeline.opening`)
	if lines := b.text(slices); lines != of {
		t.Errorf("lines of JSON make another picture than the trace: %d and %d bytes", len(lines), len(of))
	}
	if got := int(b.number(`timeline.t.shown.filter((s) => s.counts).reduce((n, s) => n + s.at.length, 0)`)); got != counted {
		t.Errorf("%d values of counters, expected %d", got, counted)
	}
}

// TestTimelineOfExplored: the timeline of the run in the page is the one that --format perfetto writes, and leads to a step; a file that is opened takes its place until
// one returns.
func TestTimelineOfExplored(t *testing.T) {
	t.Parallel()
	b := explored(t, "detach-race", 1280, 800)
	b.do(chromedp.Evaluate(`view("timeline")`, nil))
	b.wait(`timeline?.t?.steps && timeline.drawn > 0`)
	b.shot("timeline-explored-1280")
	of, run := b.text(slices), b.text("place.run")
	made, _ := make()
	cmd := exec.Command(made.vmasim, "replay", "detach-race", run, "--format", "perfetto")
	trace, err := cmd.Output()
	if len(trace) == 0 {
		t.Fatal(err)
	}
	if !strings.Contains(of, "detach") || strings.Count(of, "step=") != int(b.number("whole.steps.length")) {
		t.Errorf("not all steps are in the timeline:\n%s", of)
	}
	step := b.text(`(() => { const t = timeline.t, i = t.kind.findIndex((k, i) => k === kindStep && t.args(i)[0][1] === "9"); timeline.jump(i); return t.args(i)[0][1]; })()`)
	b.do(chromedp.Evaluate(`timeline.about.querySelector("button").click()`, nil))
	b.wait(`shown === "run" && place.at === ` + step)
	b.do(chromedp.Evaluate(`view("timeline")`, nil))
	bytes, _ := json.Marshal(trace) // in base 64
	b.do(chromedp.Evaluate(`(() => { const d = new DataTransfer(); d.items.add(new File([Uint8Array.from(atob(`+string(bytes)+`), (c) => c.charCodeAt(0))], "race.pftrace"));
		dispatchEvent(new DragEvent("drop", { dataTransfer: d, cancelable: true })); })()`, nil))
	b.wait(`timeline.t && timeline.t.title === "race.pftrace" && !timeline.opening`)
	if file := b.text(slices); file != of {
		t.Errorf("the page and --format perfetto differ:\n%s\n\n%s", of, file)
	}
	b.do(chromedp.Evaluate(`view("run"); view("timeline"); timeline.back.click()`, nil))
	if b.text(`timeline.t.title !== "race.pftrace" && timeline.back.hidden`) != "true" {
		t.Error("one does not return to the run")
	}
	b.waitsInTurn()
	for text, says := range map[string]string{
		"hello":                          "x.bin: no timeline: expected a file that vmasim run --trace",
		`{\"event\":\"begin\"}`:          "x.bin: line 1: expected a line that vmasim run --events has written",
		`\n\u0005hello`:                  "x.bin: byte",
		`\n\u0004P\u0001h\u0003hello`:    "x.bin: byte 6: expected a packet",
		`{\"at_ns\":1,\"event\":\"end\"`: "x.bin: nothing in it",
	} {
		b.do(chromedp.Evaluate(`timeline.open(new File(["`+text+`"], "x.bin"))`, nil))
		b.wait(`timeline.said.classList.contains("wrong") && !timeline.opening`)
		if said := b.text(`timeline.said.textContent`); !strings.Contains(said, says) {
			t.Errorf("of %q the page says %q", text, said)
		}
	}
}

// waitsInTurn lets a task wait for a lock that another has: the timeline says who.
func (b *browser) waitsInTurn() {
	b.t.Helper()
	b.do(chromedp.Evaluate(`view("run"); $("text").value = "init\n    mmap A 4K rw private anon\nthread one\n    munmap A\nthread two\n    mmap B 4K rw private anon\n"; $("text").dispatchEvent(new Event("input"))`, nil))
	b.wait(`!mistakes.length && !$("begin").disabled`)
	b.click("begin")
	b.wait(`place && place.at === 0`)
	b.do(chromedp.Evaluate(`(async () => { for (const line of ["A 6", "B 3", "statement A", "statement B"]) await run(line); view("timeline"); })()`, nil))
	b.wait(`shown === "timeline" && timeline.of === whole && timeline.t.waits.length === 1`)
	b.do(chromedp.Evaluate(`timeline.jump(timeline.t.waits[0])`, nil))
	if about := b.text(`timeline.about.textContent`); !strings.Contains(about, "mmap_lock write") || !strings.Contains(about, "held byone in ") {
		b.t.Errorf("the page tells %q of a wait", about)
	}
	b.shot("timeline-waits-1280")
	b.do(emulation.SetDeviceMetricsOverride(390, 844, 1, true), chromedp.Evaluate(`timeline.all(); $("view-timeline").scrollIntoView()`, nil))
	b.shot("timeline-waits-390")
	b.do(emulation.SetDeviceMetricsOverride(1280, 800, 1, false))
}
