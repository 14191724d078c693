// Package browser opens pages in a real browser. It is a module of its own, because of chromedp.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// root is that of the checkout, from here.
const root = "../../.."

// built is what the tests share: vmasim, and a page with every scenario.
type built struct{ vmasim, page string }

var make = sync.OnceValues(func() (built, error) {
	dir, err := os.MkdirTemp("", "vmasim-browser-")
	if err != nil {
		return built{}, err
	}
	b := built{filepath.Join(dir, "vmasim"), filepath.Join(dir, "lab.html")}
	for _, line := range [][]string{{"go", "build", "-o", b.vmasim, "./cmd/vmasim"}, {b.vmasim, "page", "-o", b.page}} {
		cmd := exec.Command(line[0], line[1:]...)
		cmd.Dir = root
		if text, err := cmd.CombinedOutput(); err != nil {
			return b, fmt.Errorf("%v: %w\n%s", line, err, text)
		}
	}
	return b, nil
})

// chromium is the browser that opens all pages, each with a storage of its own.
var chromium = sync.OnceValues(func() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(installed()), chromedp.NoSandbox)
	alloc, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(alloc)
	return ctx, chromedp.Run(ctx)
})

// installed returns the path of a browser, "" for none.
func installed() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func TestMain(m *testing.M) {
	status := m.Run()
	if installed() != "" {
		if running, err := chromium(); err == nil {
			_ = chromedp.Cancel(running)
		}
	}
	if b, err := make(); err == nil {
		_ = os.RemoveAll(filepath.Dir(b.page))
	}
	os.Exit(status)
}

// browser is a page in a browser.
type browser struct {
	t    *testing.T
	ctx  context.Context
	mu   sync.Mutex
	logs []string // what went to the console as an error
}

// open opens the page, with what stands behind # in its address, in a window of this size, and waits until the engine is ready.
func open(t *testing.T, hash string, width, height int) *browser {
	t.Helper()
	b := launch(t, width, height)
	b.load(hash)
	b.wait("document.documentElement.dataset.ready === 'yes'")
	return b
}

// load opens the page, with what stands behind # in its address.
func (b *browser) load(hash string) {
	b.t.Helper()
	made, err := make()
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Navigate("file://" + made.page + hash))
}

// launch opens an empty page in a window of this size.
func launch(t *testing.T, width, height int) *browser {
	t.Helper()
	if installed() == "" {
		t.Skip("no chromium: apt-get install chromium")
	}
	running, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	own := cdp.WithExecutor(running, chromedp.FromContext(running).Browser)
	storage, err := target.CreateBrowserContext().Do(own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.DisposeBrowserContext(storage).Do(own) })
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(storage).WithNewWindow(true).Do(own)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(running, chromedp.WithTargetID(id))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute) // a machine may be busy
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			if ev.Type == runtime.APITypeError {
				b.logs = append(b.logs, fmt.Sprint(ev.Args))
			}
		case *runtime.EventExceptionThrown:
			b.logs = append(b.logs, ev.ExceptionDetails.Error())
		}
	})
	b.do(emulation.SetDeviceMetricsOverride(int64(width), int64(height), 1, width < 600), emulation.SetFocusEmulationEnabled(true)) // as if it were the only page
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.logs) > 0 {
			t.Errorf("on the console: %s", strings.Join(b.logs, "\n"))
		}
	})
	return b
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// wait waits until an expression is true.
func (b *browser) wait(expression string) {
	b.t.Helper()
	poll := chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(time.Minute))
	err := chromedp.Run(b.ctx, poll)
	for err != nil && strings.Contains(err.Error(), "Cannot find context") { // that of a page which is just being left
		err = chromedp.Run(b.ctx, poll)
	}
	if err != nil {
		var text string
		_ = chromedp.Run(b.ctx, chromedp.Evaluate(`$("trouble").textContent + " | " + $("verdict").textContent + " | " + $("said").textContent`, &text))
		b.t.Fatalf("%s: %v; the page shows %s", expression, err, text)
	}
}

// text evaluates an expression.
func (b *browser) text(expression string) (text string) {
	b.t.Helper()
	b.do(chromedp.Evaluate("String("+expression+")", &text))
	return text
}

func (b *browser) click(id string) {
	b.t.Helper()
	b.do(chromedp.Evaluate(`document.getElementById("`+id+`").click()`, nil))
}

// shot keeps a picture, where VMASIM_SHOTS names a folder.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("VMASIM_SHOTS")
	if dir == "" {
		return
	}
	var picture []byte
	b.do(chromedp.Sleep(200*time.Millisecond), chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func hash(state map[string]any) string {
	text, _ := json.Marshal(state)
	return "#" + strings.NewReplacer("%", "%25", " ", "%20", `"`, "%22").Replace(string(text))
}

// TestExploresAsVmasim: the verdict, the executions and the schedule in the page are those of the command line.
func TestExploresAsVmasim(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race"}), 1280, 720)
	b.shot("start-1280")
	b.do(chromedp.Evaluate(`window.t0 = performance.now()`, nil))
	b.click("explore")
	b.wait(`$("verdict").className === "violation" && place && place.at === place.len && place.len > 0`)
	t.Logf("explored in %s ms", b.text("Math.round(performance.now() - t0)"))
	b.shot("violation-1280")
	made, _ := make()
	out, _ := exec.Command(made.vmasim, "explore", "detach-race", "-j", "1", "--format", "json").Output()
	var native struct {
		Oracle, Schedule string
		Executions       int
	}
	if err := json.Unmarshal(out, &native); err != nil {
		t.Fatal(err)
	}
	said := b.text(`$("verdict").textContent`)
	if !strings.Contains(said, native.Oracle) || !strings.Contains(said, fmt.Sprintf("%d executions", native.Executions)) {
		t.Errorf("the page says %q, vmasim %s in %d executions", said, native.Oracle, native.Executions)
	}
	if run := b.text("place.run"); run != native.Schedule {
		t.Errorf("the page has %s, vmasim %s", run, native.Schedule)
	}
}

// TestOneIsTheScheduler: by clicks one comes to a violation, back, along the slider, and to the same place by the link.
func TestOneIsTheScheduler(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race"}), 1280, 720)
	b.click("begin")
	b.wait(`place && place.at === 0 && document.querySelectorAll("#next button").length === 2`)
	for range 8 { // the reader has looked at vm_lock_seq
		b.click2(`#next button:nth-child(1)`)
	}
	b.wait(`place.at === 8`)
	b.shot("stepping-1280")
	b.click("violation")
	b.wait(`place.over && place.trace.ending === "violation"`)
	n := b.text("place.at")
	b.do(chromedp.Evaluate(`$("slider").value = 5; $("slider").dispatchEvent(new Event("input"))`, nil))
	b.wait(`place.at === 5`)
	if marked := b.text(`document.querySelector("#steps tr.now").dataset.to`); marked < "5" && len(marked) == 1 {
		t.Errorf("step %s is marked", marked)
	}
	b.do(chromedp.KeyEvent("\ue010")) // End
	b.do(chromedp.Evaluate(`document.activeElement.blur(); dispatchEvent(new KeyboardEvent("keydown", { key: "End" }))`, nil))
	b.wait(`place.at === ` + n)
	link := b.text("location.hash")
	again := open(t, link, 1280, 720)
	again.wait(`place && place.at === ` + n + ` && place.over`)
	if run := again.text("place.run"); run != b.text("place.run") {
		t.Errorf("the link leads to %s", run)
	}
	b.click("ahead")
	b.wait(`$("foresight").textContent.includes("after the end")`)
}

// click2 clicks what a selector finds, once it can be.
func (b *browser) click2(selector string) {
	b.t.Helper()
	at := b.text("place.at")
	b.wait(`document.querySelector("` + selector + `") && !document.querySelector("` + selector + `").disabled`)
	b.do(chromedp.Evaluate(`document.querySelector("`+selector+`").click()`, nil))
	b.wait(`place.at > ` + at)
}

// TestMistakesAreUnderlined, and nothing is lost when they are mended.
func TestMistakesAreUnderlined(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race"}), 1280, 720)
	b.do(chromedp.Evaluate(`$("text").value = $("text").value.replace("munmap A", "munmpa A"); $("text").dispatchEvent(new Event("input"))`, nil))
	b.wait(`$("mistakes").textContent.includes("munmpa") && document.querySelector("mark.bad").textContent === "munmpa" && $("explore").disabled`)
	b.shot("mistake-1280")
	link := b.text("location.hash")
	again := open(t, link, 390, 844)
	again.wait(`$("text").value.includes("munmpa") && $("mistakes").textContent.includes("munmpa")`)
	again.do(chromedp.Evaluate(`$("text").value = $("text").value.replace("munmpa A", "munmap A"); $("text").dispatchEvent(new Event("input"))`, nil))
	again.wait(`!$("explore").disabled`)
	again.shot("start-390")
	again.do(chromedp.Evaluate(`$("generation").value = "linux-6.18"; $("generation").dispatchEvent(new Event("change"))`, nil))
	again.click("explore")
	again.wait(`$("verdict").className === "verified"`)
	again.shot("verified-390")
	again.do(chromedp.Evaluate(`$("generation").value = ""; $("generation").dispatchEvent(new Event("change"))`, nil))
	again.click("explore")
	again.wait(`$("verdict").className === "violation" && place`)
	again.shot("violation-390")
}

// TestMemoryModelInAPage: a verdict says for which memory model it is, where the scenario states one.
func TestMemoryModelInAPage(t *testing.T) {
	b := open(t, hash(map[string]any{"n": "look-before-drop", "r": "linux-6.18"}), 1280, 720)
	b.do(chromedp.Evaluate(`$("text").value = $("text").value.replace("\ninit", "\nmemory-model views\ninit"); $("text").dispatchEvent(new Event("input"))`, nil))
	b.click("explore")
	b.wait(`$("verdict").className === "verified"`)
	if said := b.text(`$("verdict").querySelector("b").textContent`); said != "verified for views" {
		t.Errorf("the page says %q", said)
	}
}

// TestStop: a search that is stopped says how far it came within a second, and the page goes on.
func TestStop(t *testing.T) {
	b := open(t, hash(map[string]any{"n": "fork-parent", "r": "linux-6.18"}), 1280, 720)
	b.click("explore")
	b.wait(`/^[0-9,]+ executions/.test($("progress").textContent)`)
	b.do(chromedp.Evaluate(`window.t0 = performance.now()`, nil))
	b.click("cancel")
	b.wait(`$("cancel").hidden`)
	t.Logf("stopped after %s ms: %s", b.text("Math.round(performance.now() - t0)"), b.text(`$("verdict").textContent`))
	if said := b.text(`$("verdict").textContent`); !strings.Contains(said, "stopped by you") {
		t.Errorf("the page says %q", said)
	}
	b.click("begin")
	b.wait(`place && place.at === 0`)
}

// TestDamagedAddress: what cannot be read is said, and the page works.
func TestDamagedAddress(t *testing.T) {
	t.Parallel()
	b := open(t, "#%7Bdamaged", 1280, 720)
	if said := b.text(`$("trouble").textContent`); !strings.Contains(said, "address is damaged") {
		t.Errorf("the page says %q", said)
	}
	other := open(t, hash(map[string]any{"n": "detach-race", "s": "v2:00000000:00000000:A3", "a": 2}), 1280, 720)
	other.wait(`place && place.at === 2 && $("misfit").textContent.includes("the schedule belongs to another scenario than detach-race")`)
}
