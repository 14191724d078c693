package browser

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestNothingRunsOver: no view is wider than the window, on a telephone and on a screen at 200 %; each has what a keyboard and a screen
// reader need: every control has a name.
func TestNothingRunsOver(t *testing.T) {
	t.Parallel()
	b := open(t, hash(map[string]any{"n": "detach-race"}), 1280, 720)
	b.click("explore")
	b.wait(`!search && place && place.over`)
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"1280", 1280, 720}, {"zoomed", 640, 360}, {"390", 390, 844}} {
		b.do(emulation.SetDeviceMetricsOverride(size.width, size.height, 1, size.width < 600))
		for name := range strings.FieldsSeq(b.text(`views.map((v) => v.name).join(" ")`)) {
			b.do(chromedp.Evaluate(`view("`+name+`")`, nil), chromedp.Sleep(300*time.Millisecond))
			if wide := b.text("document.documentElement.scrollWidth > innerWidth"); wide != "false" {
				t.Errorf("%s runs over at %s: %s", name, size.name, b.text(`[...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility()).slice(0, 4).map((e) => e.tagName + "#" + e.id + "." + e.className)`))
			}
			if bare := b.text(`[...document.querySelectorAll("button, select, input, textarea")].filter((e) => e.checkVisibility() && !(e.textContent.trim() && e.tagName === "BUTTON") && !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby") && !e.labels?.length && !e.title).map((e) => e.tagName + "#" + e.id)`); bare != "" {
				t.Errorf("%s: without a name are %s", name, bare)
			}
			for _, theme := range []string{"light", "dark"} {
				b.do(chromedp.Evaluate(`document.documentElement.classList.toggle("dark", `+map[string]string{"light": "false", "dark": "true"}[theme]+`)`, nil))
				b.shot(name + "-" + size.name + "-" + theme)
			}
		}
	}
	if os.Getenv("VMASIM_SHOTS") != "" {
		b.do(emulation.SetDeviceMetricsOverride(1280, 720, 1, false), chromedp.Evaluate(`view("run")`, nil),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}))
		b.shot("run-1280-forced")
		b.do(emulation.SetEmulatedMedia().WithMedia("print"), chromedp.Evaluate(`dispatchEvent(new Event("beforeprint"))`, nil), emulation.SetDeviceMetricsOverride(794, 1123, 1, false))
		b.shot("run-print-dark")
	}
}
