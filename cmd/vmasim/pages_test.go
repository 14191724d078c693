package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestManPages: each command has a page, the same one each time, that man and mandoc print without a warning, and each flag is an option of it.
func TestManPages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1733238000")
	dir, again := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, again} {
		if err := manPages(documented(t), d); err != nil {
			t.Fatal(err)
		}
	}
	pages := 0
	forEach(documented(t), func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() {
			return
		}
		pages++
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		text := read(t, filepath.Join(dir, name))
		if text != read(t, filepath.Join(again, name)) {
			t.Errorf("%s is another one the second time", name)
		}
		if !strings.Contains(text, `"1" "2024-12-03" "vmasim`) || strings.Contains(text, "cobra") || strings.Contains(text, "[=") {
			t.Errorf("%s: expected a date, nothing of cobra, and no values of switches:\n%s", name, text)
		}
		for _, f := range strings.Fields(c.LocalFlags().FlagUsages()) {
			if flag, ok := strings.CutPrefix(f, "--"); ok && strings.Count(text, ".TP\n") > 0 && c.Flags().Lookup(flag) != nil && !strings.Contains(text, `\fB--`+flag+`\fP`) {
				t.Errorf("%s lacks --%s", name, flag)
			}
		}
	})
	if found, err := os.ReadDir(dir); err != nil || len(found) != pages || pages < 20 {
		t.Errorf("%d pages of %d commands, %v", len(found), pages, err)
	}
	all, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	prints(t, exec.Command("mandoc", append([]string{"-T", "lint", "-W", "warning"}, all...)...))
	prints(t, exec.Command("groff", append([]string{"-man", "-ww", "-z", "-Tutf8", "-K", "utf8"}, all...)...))
}

// documented returns the commands as vmasim docs has them.
func documented(t *testing.T) *cobra.Command {
	root := newRoot(t.Output())
	plain(root)
	return root
}

func read(t *testing.T, name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// prints runs a tool, if it is there, that is to have nothing to say.
func prints(t *testing.T, cmd *exec.Cmd) {
	if cmd.Err != nil {
		t.Logf("%v: the pages are not tried", cmd.Err)
		return
	}
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		t.Errorf("%s: %v\n%s", cmd.Args[0], err, text)
	}
}

// TestBuildDate: packagers come first, then what was set, then the commit.
func TestBuildDate(t *testing.T) {
	commit := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.time", Value: "2026-11-30T10:00:00Z"}}}
	for _, c := range []struct {
		epoch, set string
		info       *debug.BuildInfo
		want       string
	}{
		{"", "", nil, ""}, {"", "", commit, "2026-11-30"}, {"", "2026-12-01", commit, "2026-12-01"}, {"0", "2026-12-01", commit, "1970-01-01"},
	} {
		if got, err := buildDate(c.epoch, c.set, c.info); got != c.want || err != nil {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
	}
	if _, err := buildDate("today", "", nil); err == nil {
		t.Error("a date is taken that is none")
	}
}

// TestVersion: what was set stands in place of what the build knows of its commit.
func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}
	info.Main.Version = "v1.2.3"
	for set, want := range map[string]string{"": " v1.2.3, revision abc (modified)", "v2": " v2"} {
		if got := version(set, info); got != want {
			t.Errorf("%q: %q", set, got)
		}
	}
	if got := version("", nil); got != "" {
		t.Errorf("of nothing it is %q", got)
	}
}
