package workloads

import (
	"slices"
	"strconv"
	"strings"
)

// Bug is an exhibit of the museum: a built-in scenario about a bug that the kernel has had. The last paragraph of its description has a
// line for each of the fields, "Commit: …"; a line that begins with a space goes on with the one before.
type Bug struct {
	Info
	Number   string // in docs/kernel.md: B03
	Commit   string // the subject of the commit that fixed it, or else where it was found
	Versions string // in which it was, and which have the fix
	Seen     string // by a user
	Bound    int    // the preemptions up to which the search is made, 0: all
}

// Bugs describes the exhibits, by number. The name of a file begins with it: b03-fork-parent.
func Bugs() []Bug {
	infos := describe(bugDir)
	bugs := make([]Bug, len(infos))
	for i, info := range infos {
		bugs[i] = bugOf(info)
	}
	return bugs
}

// FixedRules returns the rules under which the scenario of a bug is verified: its own without the settings that take one away, or, where
// there is none because the generation has the bug, that one with others added; "" if it states none.
func (s *Scenario) FixedRules() string {
	restored := restoredRules(s.Rules.Spec)
	for _, v := range s.Verdicts {
		if v.Verified() && (restored != s.Rules.Spec && v.Rules == restored || restored == s.Rules.Spec && strings.HasPrefix(v.Rules, restored+",+")) {
			return v.Rules
		}
	}
	return ""
}

// restoredRules returns rules without the settings that take one away.
func restoredRules(spec string) string {
	kept := slices.DeleteFunc(strings.Split(spec, ","), func(setting string) bool { return strings.HasPrefix(setting, "-") })
	return strings.Join(kept, ",")
}

func bugOf(info Info) Bug {
	number, _, _ := strings.Cut(info.Name, "-")
	b := Bug{Info: info, Number: strings.ToUpper(number)}
	fields := map[string]*string{"Commit": &b.Commit, "Versions": &b.Versions, "Seen": &b.Seen, "Bound": new(string)}
	story, last := "", info.Doc
	if i := strings.LastIndex(info.Doc, "\n\n"); i >= 0 {
		story, last = info.Doc[:i], info.Doc[i+2:]
	}
	var field *string
	for line := range strings.Lines(last) {
		line = strings.TrimSuffix(line, "\n")
		name, text, _ := strings.Cut(line, ": ")
		switch more, goesOn := strings.CutPrefix(line, " "); {
		case fields[name] != nil:
			field = fields[name]
			*field = text
		case goesOn && field != nil:
			*field += " " + strings.TrimLeft(more, " ")
		default:
			return b // an ordinary paragraph
		}
	}
	b.Doc = story
	words := strings.Fields(*fields["Bound"])
	if len(words) > 0 {
		b.Bound, _ = strconv.Atoi(words[0]) // a test demands a number
	}
	return b
}
