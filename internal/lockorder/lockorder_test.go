package lockorder

import (
	"slices"
	"strings"
	"testing"
)

const classes = `
a: rwsem, the outermost
b: mutex, one in between  # with a comment
c: count, another
d: spinlock, the innermost
`

func parse(t *testing.T, order string) *Order {
	t.Helper()
	o, err := Parse(classes + order)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestOrder: what follows from the lines need not be written, and what follows from none is not allowed.
func TestOrder(t *testing.T) {
	o := parse(t, "a < b, c < d\na < d # said already\n")
	var pairs, next []string
	for x, outer := range o.Classes() {
		for y, inner := range o.Classes() {
			if o.Before(x, y) {
				pairs = append(pairs, outer.Name+inner.Name)
			}
		}
		for _, y := range o.Next(x) {
			next = append(next, outer.Name+o.Classes()[y].Name)
		}
	}
	if want := []string{"ab", "ac", "ad", "bd", "cd"}; !slices.Equal(pairs, want) {
		t.Errorf("before: %q, expected %q", pairs, want)
	}
	if want := []string{"ab", "ac", "bd", "cd"}; !slices.Equal(next, want) {
		t.Errorf("next: %q, expected %q", next, want)
	}
	if got := o.Way(0, 3); got != "a < b < d" {
		t.Errorf("way %q", got)
	}
	if o.Before(0, 4) || o.Before(4, 0) || o.Index("e") != -1 {
		t.Error("a class that is not declared has a place")
	}
	if c := o.Classes()[1]; c != (Class{"b", Mutex, "one in between"}) {
		t.Errorf("%+v", c)
	}
}

// TestLateLine: a line joins what lines before it have ordered.
func TestLateLine(t *testing.T) {
	o := parse(t, "a < b\nc < d\nb < c\n")
	if !o.Before(0, 3) || !o.Before(1, 3) || o.Before(3, 0) {
		t.Error("a < b < c < d does not follow")
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a < b < a":           "line 6: b < a closes a cycle: a < b",
		"a < b < d\nc < b, a": "",
		"b < c\nc < a\na < b": "line 8: a < b closes a cycle: b < c < a",
		"a < a":               "line 6: a comes before itself",
		"a < e":               `line 6: "e" is not declared`,
		"a <":                 `line 6: "" is not declared`,
		"d < a":               "line 6: d < a: a task that holds a spinlock may not sleep",
		"a: mutex, again":     "line 6: a is declared twice",
		"e: futex, new":       `line 6: e: "futex" is no kind of lock`,
		"e: mutex":            `line 6: "e: mutex": expected NAME: KIND, WHAT or A < B`,
		"e":                   `line 6: "e": expected NAME: KIND, WHAT or A < B`,
	} {
		_, err := Parse(classes + text)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
}

// TestDeclared: the declaration is parsed once, and a second lock of a class comes after the first.
func TestDeclared(t *testing.T) {
	o := Declared()
	if o != Declared() || len(o.Classes()) == 0 {
		t.Error("not parsed, or twice")
	}
	for i, c := range o.Classes() {
		if strings.HasSuffix(c.Name, "/1") && !o.Before(o.Index(strings.TrimSuffix(c.Name, "/1")), i) {
			t.Errorf("%s does not come after its class", c.Name)
		}
	}
}

// TestManyClasses: no number of classes is too many.
func TestManyClasses(t *testing.T) {
	var text, order strings.Builder
	const n = 200
	for i := range n {
		name := strings.Repeat("x", i+1)
		text.WriteString(name + ": spinlock, one of many\n")
		if i > 0 {
			order.WriteString(" < ")
		}
		order.WriteString(name)
	}
	o, err := Parse(text.String() + order.String())
	if err != nil {
		t.Fatal(err)
	}
	if !o.Before(0, n-1) || o.Before(n-1, 0) || len(o.Next(0)) != 1 {
		t.Error("the ends are out of order")
	}
}
