package screen

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"vmasim/classroom/step"
	"vmasim/explore/trace"
	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func begun(tb testing.TB, name string, width, height int) *model {
	tb.Helper()
	sc, err := workloads.LoadBuiltin(name)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := step.New(sc, program.Setting{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	s.Draw = func(t *trace.Trace, width int, all bool) string {
		if all {
			return report.Bars(t, report.Look{Width: width})
		}
		return report.BarsNow(t, report.Look{Width: width})
	}
	m := newModel(tb.Context(), s, sc.Title)
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return m
}

// press presses keys one after the other, and performs what comes of each. It reports whether the reader has ended the session.
func press(m *model, all ...string) (ended bool) {
	for _, key := range all {
		_, cmd := m.Update(pressed(key))
		for cmd != nil {
			msg := cmd()
			if _, quit := msg.(tea.QuitMsg); quit {
				return true
			}
			_, cmd = m.Update(msg)
		}
	}
	return false
}

// codes are the keys that no character stands for.
var codes = map[string]tea.KeyPressMsg{
	"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "left": {Code: tea.KeyLeft}, "down": {Code: tea.KeyDown}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd},
	"backspace": {Code: tea.KeyBackspace}, "space": {Code: tea.KeySpace, Text: " "}, "ctrl+c": {Code: 'c', Mod: tea.ModCtrl},
}

func pressed(key string) tea.KeyPressMsg {
	if k, ok := codes[key]; ok {
		return k
	}
	return tea.KeyPressMsg{Code: []rune(key)[0], Text: key}
}

func shown(m *model) string {
	var lines []string
	for _, l := range m.lines() {
		lines = append(lines, strings.TrimRight(ansi.Strip(l), " "))
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestScreens holds the screens of a session against golden files.
func TestScreens(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}, {20, 5}} {
		m := begun(t, "detach-race", size[0], size[1])
		var b strings.Builder
		look := func(keys ...string) {
			press(m, keys...)
			fmt.Fprintf(&b, "--- %s\n%s", strings.Join(keys, " "), shown(m))
		}
		look()
		look("A", "A", "A", "A", "A", "A", "A", "A")
		look("s", "B", "enter")
		look("a")
		look("x")
		look("left", "v")
		look("?")
		look("down", "down", "q")
		look("z")
		look("home", "t", "v", "m", "_", "r", "e", "f", "c", "n", "t", "enter")
		look("i", "A", "enter")
		look("n", "m", "m", "a", "p", "_", "l", "o", "c", "k", "space", "B", "enter")
		look("f", "v", "m", "_", "r", "e", "f", "c", "n", "t", "enter")
		look("b")
		look("v", "m", "_", "r", "e", "f", "c", "n", "t", "enter")
		look("n")
		look("enter")
		look("m")
		golden(t, fmt.Sprintf("detach-race-%dx%d", size[0], size[1]), b.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is shown: go test ./classroom/screen -rewrite\n%s", file, got)
	}
}

// TestEveryScreenFits: nothing is wider or higher than the terminal, whatever its size.
func TestEveryScreenFits(t *testing.T) {
	m := begun(t, "overlap-fault", 80, 24)
	for i := 0; !m.s.Over(); i++ {
		press(m, string(rune('A'+i/7%2)))
		m.Update(tea.WindowSizeMsg{Width: 10 + i*13%150, Height: 3 + i*7%60})
		lines := m.lines()
		if len(lines) > m.height {
			t.Fatalf("%d lines of %d", len(lines), m.height)
		}
		for _, l := range lines {
			if n := ansi.StringWidth(l); n > m.width {
				t.Fatalf("%d columns of %d: %s", n, m.width, ansi.Strip(l))
			}
		}
		if i > 2000 {
			t.Fatal("it does not end")
		}
		if strings.Contains(shown(m), "cannot go on") {
			press(m, "B", "A")
		}
	}
}

// TestTyping: a command line can be corrected, left, and be wrong.
func TestTyping(t *testing.T) {
	m := begun(t, "detach-race", 80, 24)
	press(m, ":", "A", "space", "3", "4", "backspace", "enter")
	if m.s.At() != 3 {
		t.Errorf("stands at %d", m.s.At())
	}
	press(m, "g", "1", "esc")
	if m.s.At() != 3 || m.typing {
		t.Errorf("stands at %d, typing %v", m.s.At(), m.typing)
	}
	press(m, "g", "9", "enter")
	if !strings.Contains(shown(m), "step 9 is not there") {
		t.Error(shown(m))
	}
	press(m, "home")
	if m.s.At() != 0 || strings.Contains(shown(m), "step 9 is not there") {
		t.Error(shown(m))
	}
	press(m, "end")
	if m.s.At() != 3 {
		t.Errorf("stands at %d", m.s.At())
	}
	if !press(m, "q") || !press(m, "ctrl+c") {
		t.Error("it goes on")
	}
}

// TestBusy: while a command has the session the screen stays, and keys wait but for those that end it.
func TestBusy(t *testing.T) {
	m := begun(t, "detach-race", 80, 24)
	before := shown(m)
	_, cmd := m.Update(pressed("a"))
	if _, beside := m.Update(pressed("A")); beside != nil || m.s.At() != 0 {
		t.Error("a key is performed beside the search")
	}
	if during := shown(m); !strings.HasPrefix(during, before[:strings.LastIndex(strings.TrimSpace(before), "\n")]) || !strings.Contains(during, "esc ends the search") {
		t.Error(during)
	}
	m.Update(pressed("esc"))
	m.Update(cmd())
	if m.cancel != nil || !strings.Contains(shown(m), "which were not searched") {
		t.Error(shown(m))
	}
}

// TestTerminal runs the whole program on what stands for a terminal.
func TestTerminal(t *testing.T) {
	m := begun(t, "detach-race", 80, 24)
	var out strings.Builder
	err := Run(t.Context(), m.s, "title", tea.WithInput(strings.NewReader("AABq")), tea.WithOutput(&out), tea.WithWindowSize(80, 24), tea.WithoutSignals())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "title") {
		t.Errorf("%q", out.String())
	}
}

// TestKeysWait: those pressed while a command is performed come after it, in order.
func TestKeysWait(t *testing.T) {
	m := begun(t, "detach-race", 80, 24)
	_, cmd := m.Update(pressed("A"))
	for _, key := range []string{"A", "B", "q"} {
		if _, c := m.Update(pressed(key)); c != nil {
			t.Fatalf("%s does not wait", key)
		}
	}
	for range 3 {
		_, cmd = m.Update(cmd())
	}
	if run := m.s.Schedule(); len(run.Tasks) != 3 || run.Tasks[2] != 1 {
		t.Errorf("%v", run.Tasks)
	}
	if _, cmd = m.Update(cmd()); cmd == nil || cmd() != tea.Quit() {
		t.Error("the last key does not end it")
	}
}

// TestSplitOnScreen: bars show a split as it happens, and an entry that is written is marked.
func TestSplitOnScreen(t *testing.T) {
	m := begun(t, "split-fault", 80, 24)
	seen := map[string]bool{}
	for i := 0; !m.s.Over() && i < 400; i++ {
		press(m, string(rune('A'+i/40%2)))
		text := shown(m)
		for _, want := range []string{"now      [vma#1 rw-p", "[vma#2 rw-p", "[vma#1 r--p", "nothing -> ", "mm.mmap_lock: ", "■"} {
			seen[want] = seen[want] || strings.Contains(text, want)
		}
	}
	for _, want := range []string{"now      [vma#1 rw-p", "[vma#2 rw-p", "nothing -> ", "mm.mmap_lock: ", "■"} {
		if !seen[want] {
			t.Errorf("%s is never shown", want)
		}
	}
}

// TestAgain: the key and enter give a command the words that it had last.
func TestAgain(t *testing.T) {
	m := begun(t, "detach-race", 80, 24)
	press(m, ":", "o", "n", "space", "v", "m", "_", "r", "e", "f", "c", "n", "t", "space", "A", "enter")
	first := m.s.At()
	press(m, "n")
	if !strings.Contains(shown(m), "(enter: on vm_refcnt A)") {
		t.Error(shown(m))
	}
	press(m, "left") // is no letter
	press(m, "enter")
	if first == 0 || m.s.At() < first {
		t.Errorf("stands at %d, then %d", first, m.s.At())
	}
	press(m, "i")
	if !m.typing {
		t.Error("where nothing was taken back, until does not ask for a task")
	}
}
