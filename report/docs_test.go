package report

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/workloads/driver"
	"vmasim/workloads/program"
)

// TestEveryKeyIsDocumented checks that docs/output.md names each key of the JSON object.
func TestEveryKeyIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(reflect.TypeFor[driver.Result](), nil) {
		if !strings.Contains(string(doc), key+"`") && !strings.Contains(string(doc), key+"[]`") && !strings.Contains(string(doc), "`"+key+".") {
			t.Errorf("docs/output.md does not tell what %q is", key)
		}
	}
}

// TestEveryExploreKeyIsDocumented checks that docs/explore.md names each key of the objects that explore prints, and of traces.
func TestEveryExploreKeyIsDocumented(t *testing.T) {
	all := printed(t, &program.Result{
		Observations: []program.Observation{{}},
		Violations:   []*program.Violation{{Shrunk: &explore.Shrunk{}, Trace: &trace.Trace{}}},
	})
	all = keys(reflect.TypeFor[trace.Trace](), keys(reflect.TypeFor[event](), append(all, "version")))
	checkDocumented(t, "../docs/explore.md", all)
}

// TestEveryFormatIsDocumented: docs/explore.md tells of each format of explore, replay and draw.
func TestEveryFormatIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/explore.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(formatNames(ExploreFormats()), formatNames(TraceFormats())...) {
		if name == "text" { // which is most of that manual
			continue
		}
		if !strings.Contains(string(doc), "`"+name+"`") && !strings.Contains(string(doc), "`--format "+name+"`") {
			t.Errorf("docs/explore.md does not tell what --format %s prints", name)
		}
	}
}

// checkDocumented checks that a manual names the keys.
func checkDocumented(t *testing.T, manual string, keys []string) {
	t.Helper()
	doc, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		name, _, _ := strings.Cut(key, ",")
		if !strings.Contains(string(doc), "`"+name+"`") && !strings.Contains(string(doc), "`"+name+"[]`") {
			t.Errorf("%s does not tell what %q is", manual, name)
		}
	}
}

// printed lists the names in the JSON of a value.
func printed(t *testing.T, v any) (names []string) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var decoded any
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, inner := range v {
				visit(inner)
			}
		case map[string]any:
			for name, inner := range v {
				names = append(names, name)
				visit(inner)
			}
		}
	}
	visit(decoded)
	if len(names) == 0 {
		t.Fatalf("no keys in %s", text)
	}
	return names
}

// keys lists the JSON names of a type's fields and of those inside them.
func keys(t reflect.Type, names []string) []string {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Pointer:
		return keys(t.Elem(), names)
	case reflect.Struct:
		for f := range t.Fields() {
			switch name, _, _ := strings.Cut(f.Tag.Get("json"), ","); {
			case name == "-":
			case name == "" && !f.Anonymous: // its type says itself what it is in JSON
			case name == "":
				names = keys(f.Type, names)
			default:
				names = keys(f.Type, append(names, name))
			}
		}
	}
	return names
}
