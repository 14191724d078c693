package explore

import (
	"strings"
	"testing"
)

func TestMemoryModels(t *testing.T) {
	for text, want := range map[string]MemoryModel{"sc": {}, "views": {Views: true}, "views:3": {Views: true, Limit: 3}, "tso": {TSO: true}} {
		if m, err := ParseMemoryModel(text); err != nil || m != want || m.String() != text {
			t.Errorf("%s is read as %+v, which is called %s, %v", text, m, m, err)
		}
	}
	for _, text := range []string{"", "tso:1", "views:", "views:0", "views:-1", "sc:1", "Views"} {
		if m, err := ParseMemoryModel(text); err == nil || !strings.Contains(err.Error(), "expected sc, views") {
			t.Errorf("%q is read as %v, %v", text, m, err)
		}
	}
	for _, i := range MemoryModels() {
		if _, err := ParseMemoryModel(strings.Replace(i.Name, "N", "1", 1)); err != nil || i.Doc == "" {
			t.Errorf("%+v: %v", i, err)
		}
	}
}
