package lint

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// manuals are the documents that are checked, from the module's root.
func manuals(t *testing.T) (names []string) {
	for _, pattern := range []string{"*.md", "docs/*.md", "testdata/*/*.md", "bench/*/*.md"} {
		found, err := filepath.Glob("../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			names = append(names, strings.TrimPrefix(filepath.ToSlash(name), "../../"))
		}
	}
	return names
}

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	codeFence  = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// fragments returns what a link may name behind #: the headings as GitHub turns them into names, and anchors.
func fragments(text string) map[string]bool {
	names := map[string]bool{}
	text = codeFence.ReplaceAllString(text, "")
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(anchor.ReplaceAllString(m[1], "")), "")
		slug = strings.ReplaceAll(strings.TrimSpace(slug), " ", "-")
		for name, n := slug, 1; ; n++ {
			if !names[name] {
				names[name] = true
				break
			}
			name = fmt.Sprintf("%s-%d", slug, n)
		}
	}
	for _, m := range anchor.FindAllStringSubmatch(text, -1) {
		names[m[1]] = true
	}
	return names
}

// checkLinks finds relative links of a document that lead nowhere. read reads another file of the module.
func checkLinks(name, text string, read func(name string) (string, error)) (found []string) {
	prose := inlineCode.ReplaceAllString(codeFence.ReplaceAllString(text, ""), "")
	for _, m := range link.FindAllStringSubmatch(prose, -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		file, fragment, hasFragment := strings.Cut(m[1], "#")
		target, err := text, error(nil)
		if file != "" {
			target, err = read(path.Join(path.Dir(name), file))
		}
		switch {
		case err != nil:
			found = append(found, fmt.Sprintf("%s: the link to %s leads nowhere: %v", name, m[1], err))
		case hasFragment && !fragments(target)[fragment]:
			found = append(found, fmt.Sprintf("%s: the link to %s leads nowhere: no such heading", name, m[1]))
		}
	}
	return found
}

// readModule reads a file of the module. A folder is empty text.
func readModule(name string) (string, error) {
	name = filepath.Join("../..", name)
	if info, err := os.Stat(name); err != nil || info.IsDir() {
		return "", err
	}
	text, err := os.ReadFile(name)
	return string(text), err
}

// TestLinks: every relative link of the manuals leads somewhere, and every fact that they cite exists.
func TestLinks(t *testing.T) {
	names := manuals(t)
	if len(names) < 10 {
		t.Fatalf("only %v", names)
	}
	for _, name := range names {
		text, err := readModule(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range checkLinks(name, text, readModule) {
			t.Error(f)
		}
		if m := outside.FindString(text); m != "" {
			t.Errorf("%s cites %s, which is not in the project", name, m)
		}
		if strings.HasSuffix(name, "performance.md") || strings.HasPrefix(name, "bench/") {
			continue // their B numbers are budgets
		}
		prose := codeFence.ReplaceAllString(text, "")
		if name != factsFile {
			prose = inlineCode.ReplaceAllString(prose, "")
		}
		for _, m := range citation.FindAllString(prose, -1) {
			if !facts()[m] {
				t.Errorf("%s cites %s, which is not in %s", name, m, factsFile)
			}
		}
	}
}

func TestCheckLinks(t *testing.T) {
	read := func(name string) (string, error) {
		if name == "docs/there.md" {
			return "# One `word`, two!\n\n# Again\n\n# Again\n\n```\n# no heading\n```\n<a id=\"K1\"></a>", nil
		}
		return "", os.ErrNotExist
	}
	for text, want := range map[string]string{
		"[x](there.md)":                      "",
		"[x](there.md#one-word-two)":         "",
		"[x](there.md#again-1)":              "",
		"[x](there.md#K1)":                   "",
		"# Here\n[x](#here)":                 "",
		"[x](https://nowhere.example/a.md)":  "",
		"`[x](nothing.md)`":                  "",
		"```\n[x](nothing.md)\n```":          "",
		"[x](nothing.md)":                    "nothing.md leads nowhere",
		"[x](there.md#no-heading)":           "there.md#no-heading leads nowhere",
		"[x](#there)":                        "#there leads nowhere",
		"[x](there.md) and [y](../there.md)": "../there.md leads nowhere",
	} {
		got := strings.Join(checkLinks("docs/a.md", text, read), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: found %q, expected %q", text, got, want)
		}
	}
}
