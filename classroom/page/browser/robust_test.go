package browser

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// before has a script run before those of the page.
func (b *browser) before(script string) {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	}))
}

// TestBrowserThatLacksSomething: it is said, with what to do, and the address stays as it was.
func TestBrowserThatLacksSomething(t *testing.T) {
	t.Parallel()
	address := hash(map[string]any{"n": "detach-race", "t": "thread a\n    lock A\n"})
	for _, lacks := range []string{"WebAssembly", "DecompressionStream", "Worker", "leave"} {
		b := launch(t, 390, 844)
		script := "delete window." + lacks
		if lacks == "leave" {
			script = `window.Worker = class { constructor() { throw new DOMException("the policy forbids it", "SecurityError"); } }`
		}
		b.before(script)
		b.load(address)
		b.wait(`document.readyState === "complete" && !$("trouble").hidden`)
		if said := b.text(`$("trouble").textContent`); !strings.Contains(said, "Open the page in") || (lacks == "leave") != strings.Contains(said, "the policy forbids it") {
			t.Errorf("without %s the page says %q", lacks, said)
		}
		if text := b.text(`$("text").value`); text != "thread a\n    lock A\n" {
			t.Errorf("without %s the text is %q", lacks, text)
		}
		if got := b.text("location.hash"); !strings.Contains(got, "lock") {
			t.Errorf("without %s the address is %s", lacks, got)
		}
		b.shot("lacks-390")
	}
}

// TestNothingIsStored: where a browser keeps nothing, the page works by its address, and says where that is not enough.
func TestNothingIsStored(t *testing.T) {
	t.Parallel()
	b := launch(t, 1280, 720)
	b.before(`Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });`)
	b.load("")
	b.wait("document.documentElement.dataset.ready === 'yes'")
	if said := b.text(`$("trouble").textContent`); said != "" {
		t.Errorf("the page says %q", said)
	}
	b.do(chromedp.Evaluate(`$("text").value = "# " + "x".repeat(3 << 20); $("text").dispatchEvent(new Event("input"))`, nil))
	b.wait(`$("trouble").textContent.includes("copy its text")`)
	b.do(chromedp.Evaluate(`$("text").value = "thread a\n    mmap A 4K rw private anon\n"; $("text").dispatchEvent(new Event("input"))`, nil))
	b.wait(`decodeURIComponent(location.hash).includes("mmap A 4K rw private anon") && !mistakes.length`)
	if said := b.text(`$("trouble").textContent`); said != "" {
		t.Errorf("the text is short again, and the page says %q", said)
	}
}

// TestAddressOfSomethingElse: each is said, and the page works.
func TestAddressOfSomethingElse(t *testing.T) {
	t.Parallel()
	b := launch(t, 1280, 720)
	for address, says := range map[string]string{
		"#%7Bdamaged": "address is damaged",
		"#%E0%A4%A":   "address is damaged",
		hash(map[string]any{"n": "detach-race", "r": 7}): "address is damaged",
		hash(map[string]any{"n": "no-such-one"}):         "a scenario that this page does not have, no-such-one",
	} {
		b.do(chromedp.Navigate("about:blank"))
		b.load(address)
		b.wait("document.documentElement.dataset.ready === 'yes'")
		if said := b.text(`$("trouble").textContent`); !strings.Contains(said, says) {
			t.Errorf("%s: the page says %q", address, said)
		}
		b.wait(`!$("explore").disabled`)
	}
	b.do(chromedp.Navigate("about:blank"))
	b.load(hash(map[string]any{"n": "detach-race", "s": "v9:00000000:00000000:A3"}))
	b.wait(`document.documentElement.dataset.ready === "yes" && $("said").textContent.includes("v9")`)
}

// TestDamagedAddressLosesNothing: what was kept beside the address is shown in its place.
func TestDamagedAddressLosesNothing(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race", "t": "thread mine\n    mmap A 4K rw private anon\n"}), 1280, 720)
	b.do(chromedp.Navigate("about:blank"))
	b.load("#%7Bdamaged")
	b.wait(`document.documentElement.dataset.ready === "yes"`)
	if text := b.text(`$("text").value`); !strings.HasPrefix(text, "thread mine") {
		t.Errorf("the text is %q", text)
	}
}
