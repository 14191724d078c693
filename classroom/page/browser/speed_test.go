package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// watcher notes, from before the page is loaded, when it is ready, when a search tells how far it is, and which tasks kept the page from
// answering. A task below 50 ms is none that a browser reports.
const watcher = `window.seen = { ready: 0, told: [], long: [] };
new PerformanceObserver((list) => { for (const e of list.getEntries()) seen.long.push(Math.round(e.duration)); }).observe({ type: "longtask", buffered: true });
addEventListener("DOMContentLoaded", () => {
	new MutationObserver(() => { seen.ready ||= Math.round(performance.now()); }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-ready"] });
	new MutationObserver(() => { seen.told.push(performance.now()); }).observe(document.getElementById("progress"), { childList: true, characterData: true, subtree: true });
});`

// watched opens the page with the watcher in it.
func watched(t *testing.T, hash string) *browser {
	t.Helper()
	b := launch(t, 1280, 720)
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(watcher).Do(ctx)
		return err
	}))
	b.load(hash)
	b.wait("document.documentElement.dataset.ready === 'yes'")
	return b
}

// renderer returns the process that the page and its workers live in, and the processor time that it has taken.
func (b *browser) renderer() (pid int64, seconds float64) {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		all, err := systeminfo.GetProcessInfo().Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
		for _, p := range all {
			if p.Type == "renderer" && p.CPUTime > seconds {
				pid, seconds = p.ID, p.CPUTime
			}
		}
		return err
	}))
	return pid, seconds
}

// number evaluates an expression.
func (b *browser) number(expression string) float64 {
	b.t.Helper()
	n, err := strconv.ParseFloat(b.text(expression), 64)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return n
}

// explored explores to the end, and returns how long that took and how much processor time the page and the search needed.
func (b *browser) explored() (wall, cpu float64) {
	b.t.Helper()
	_, before := b.renderer()
	b.do(chromedp.Evaluate(`window.t0 = performance.now(); seen.told = [t0]`, nil))
	b.click("explore")
	b.wait(`!search && $("progress").textContent === ""`)
	_, after := b.renderer()
	return b.number("performance.now() - t0") / 1000, after - before
}

// native explores in the command line with one worker, and returns how many executions that took, in how much processor time.
func native(t *testing.T, args ...string) (executions int, cpu float64) {
	t.Helper()
	made, err := make()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(made.vmasim, append([]string{"explore", "-j", "1", "--format", "json"}, args...)...)
	out, _ := cmd.Output()
	var r struct{ Executions int }
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r.Executions, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
}

// TestSpeed measures what a reader waits for. A shared machine is noisy, so the bars of the figures are printed and far ones asserted: a
// search is compared by the processor time of the whole page, which the compiling of WebAssembly is part of.
func TestSpeed(t *testing.T) {
	if testing.Short() {
		t.Skip("measures, and takes minutes: go test without -short, on a quiet machine")
	}
	b := watched(t, hash(map[string]any{"n": "detach-race"}))
	_, cpu := b.renderer()
	t.Logf("ready after %.0f ms (bar 1500), %.2f s of processor time", b.number("seen.ready"), cpu)
	wall, cpu := b.explored()
	t.Logf("detach-race: explored in %.2f s (bar 3), %.2f s of processor time", wall, cpu)
	if cpu > 9 {
		t.Errorf("detach-race takes %.2f s of processor time", cpu)
	}

	_, again := native(t, "fork-parent", "--rules", "linux-6.18")
	executions, before := native(t, "fork-parent", "--rules", "linux-6.18")
	before = min(before, again)
	b.do(chromedp.Evaluate(`$("scenario").value = "fork-parent"; $("scenario").dispatchEvent(new Event("change")); $("generation").value = "linux-6.18"; $("generation").dispatchEvent(new Event("change"))`, nil))
	b.wait(`!$("explore").disabled && $("text").value.includes("fork")`)
	b.explored() // which makes the browser compile all that is used
	wall, cpu = b.explored()
	if said := b.text(`$("verdict").textContent`); !strings.Contains(strings.ReplaceAll(said, ",", ""), fmt.Sprintf("%d executions", executions)) {
		t.Errorf("the page says %q, vmasim %d executions", said, executions)
	}
	t.Logf("fork-parent: %d executions in %.2f s, %.2f s of processor time; %.2f s natively, a rate of 1/%.1f (bar 1/5)", executions, wall, cpu, before, cpu/before)
	if cpu > 12*before {
		t.Errorf("the page searches at 1/%.1f of the native rate", cpu/before)
	}
	gap := b.number(`Math.max(...seen.told.slice(1).map((at, i) => at - seen.told[i]))`)
	t.Logf("told how far it is %.0f times, after at most %.0f ms (bar 250)", b.number("seen.told.length - 2"), gap)
	if gap > 2000 {
		t.Errorf("for %.0f ms nothing was told", gap)
	}
}

// TestNoFreeze: no task of the page keeps it from answering, while it loads, searches, and shows a long trace.
func TestNoFreeze(t *testing.T) {
	if testing.Short() {
		t.Skip("measures, and takes minutes: go test without -short, on a quiet machine")
	}
	b := watched(t, hash(map[string]any{"n": "detach-race"}))
	phase := func(name string) {
		t.Helper()
		b.do(chromedp.Sleep(100 * time.Millisecond)) // reports come late
		most := b.number("Math.max(0, ...seen.long)")
		t.Logf("%s: the longest task took %.0f ms (bar 100)", name, most)
		if most > 2000 { // by the clock: a busy machine makes it longer
			t.Errorf("%s: a task takes %.0f ms", name, most)
		}
		b.do(chromedp.Evaluate("seen.long = []", nil))
	}
	phase("loading")
	b.explored()
	b.wait("place && place.over")
	phase("exploring")
	// Each page that is mapped and stored to has some twenty steps.
	b.do(chromedp.Evaluate(`$("text").value = "thread a\n" + "    mmap A 64K rw private anon\n    store A 1\n    munmap A\n".repeat(8) + "thread b\n    mmap B 4K rw private anon\n"; $("text").dispatchEvent(new Event("input"))`, nil))
	b.wait(`!mistakes.length && !$("begin").disabled`)
	b.click("begin")
	b.wait("place && place.at === 0")
	b.do(chromedp.Evaluate(`(async () => { for (let i = 0; i < 40 && place.len < 300; i++) await run("statement A"); window.longEnough = true; })()`, nil))
	b.wait("window.longEnough")
	if n := b.number("place.len"); n < 300 {
		t.Fatalf("the trace has %.0f steps", n)
	}
	phase("stepping")
	b.do(chromedp.Evaluate(`(async () => { for (let i = 0; i <= place.len; i += 7) { $("slider").value = i; $("slider").dispatchEvent(new Event("input")); await new Promise(requestAnimationFrame); } })()`, nil))
	b.wait(`wanted === null && place.at > 290`)
	phase("sliding " + b.text("place.len") + " steps")
	for _, grain := range []string{"all", "statements", "shared"} {
		b.do(chromedp.Evaluate(`$("grain").value = "`+grain+`"; $("grain").dispatchEvent(new Event("change"))`, nil))
		phase("showing " + grain)
	}
}

// TestMemoryIsBounded: searches one after the other leave nothing behind but the engine of the session.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("50 searches take minutes: go test without -short")
	}
	b := watched(t, hash(map[string]any{"n": "put-to-zero"}))
	used := func() (heap, resident float64) {
		b.do(heapprofiler.CollectGarbage())
		pid, _ := b.renderer()
		return b.number("performance.memory.usedJSHeapSize") / (1 << 20), residentMiB(t, pid)
	}
	var heap, resident float64
	for i := range 50 {
		b.explored()
		if i == 4 {
			heap, resident = used()
		}
	}
	heapAfter, residentAfter := used()
	workers := 0
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		all, err := target.GetTargets().WithFilter(target.Filter{{}}).Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
		for _, i := range all {
			if i.Type == "worker" {
				workers++
			}
		}
		return err
	}))
	t.Logf("after 5 and 50 searches: %.1f and %.1f MiB of JavaScript, %.0f and %.0f MiB of the process; %d workers", heap, heapAfter, resident, residentAfter, workers)
	if heapAfter > heap+10 || residentAfter > resident+300 {
		t.Error("searches leave memory behind")
	}
	if workers != 1 {
		t.Errorf("%d workers, expected that of the session", workers)
	}
}

// residentMiB returns how much memory a process has, 0 where that is not known.
func residentMiB(t *testing.T, pid int64) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if kB, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(kB)[0], 64)
			return n / 1024
		}
	}
	return 0
}
