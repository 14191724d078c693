package report

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"vmasim/workloads/driver"
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

// TestEveryExploreKeyIsDocumented checks that docs/explore.md names each key of the objects that explore prints.
func TestEveryExploreKeyIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/explore.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range append(keys(reflect.TypeFor[explored](), nil), keys(reflect.TypeFor[event](), nil)...) {
		name, _, _ := strings.Cut(key, ",")
		if !strings.Contains(string(doc), "`"+name+"`") && !strings.Contains(string(doc), "`"+name+"[]`") {
			t.Errorf("docs/explore.md does not tell what %q is", name)
		}
	}
}

// keys lists the JSON names of a type's fields and of those inside them.
func keys(t reflect.Type, names []string) []string {
	switch t.Kind() {
	case reflect.Map, reflect.Slice:
		return keys(t.Elem(), names)
	case reflect.Struct:
		for f := range t.Fields() {
			switch name := f.Tag.Get("json"); {
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
