package lint

import (
	"regexp"
	"strings"
)

// riddles are turns of comments that hide the subject: a person who is not there, and a clause in its place.
var riddles = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\b(nobody|no one|somebody|someone|anybody|anyone|everybody|everyone|whoever|who waits|who asks)\b`), "name the task, thread, process or caller"},
	{regexp.MustCompile(`(?:^|[.:;!?] )What\b`), "begin the sentence with its subject"},
	{regexp.MustCompile(`^[A-Za-z]\w* (?:tells|says|returns|asks|is) (?:whether|true if|true iff)\b`), "say: reports whether"},
}

// checkProse finds comments with a riddle.
func checkProse(p *pkg) (found []string) {
	for _, f := range p.files {
		for _, group := range f.ast.Comments {
			text := strings.Join(strings.Fields(group.Text()), " ")
			for _, r := range riddles {
				if words := r.pattern.FindString(text); words != "" {
					found = append(found, p.at(group.Pos(), "the comment says %q: %s", words, r.instead))
				}
			}
		}
	}
	return found
}
