package cli

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestOutputTopic holds the documentation of --json against what is printed.
func TestOutputTopic(t *testing.T) {
	documented := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+) +of (.*\n(?: {10}.*\n)*)`).FindAllStringSubmatch(outputTopic().Long+"\n", -1) {
		documented[m[1]] = m[2]
	}
	lines := []line{
		versionLine{}, hostLine{}, pingLine{}, enrolledLine{}, forgottenLine{}, checkLine{}, builtLine{}, packageLine{}, prunedLine{}, planLine{},
		eventLine{}, statusLine{}, historyLine{}, logLine{}, healthLine{}, fleetLine{}, scheduleLine{}, actionLine{}, tokenLine{},
	}
	for _, l := range lines {
		text, ok := documented[l.kind()]
		if !ok {
			t.Errorf("type %q is not documented", l.kind())
		}
		for _, key := range jsonKeys(reflect.TypeOf(l)) {
			if !regexp.MustCompile(`\b` + key + `\b`).MatchString(text) {
				t.Errorf("key %q of type %q is not documented", key, l.kind())
			}
		}
	}
	if len(documented) != len(lines) {
		t.Errorf("%d types are documented, and there are %d", len(documented), len(lines))
	}
}

// jsonKeys returns the keys of a struct and of those in it.
func jsonKeys(typ reflect.Type) []string {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || typ.PkgPath() == "time" {
		return nil
	}
	var keys []string
	for i := range typ.NumField() {
		if !typ.Field(i).IsExported() {
			continue
		}
		key, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		keys = append(keys, key)
		keys = append(keys, jsonKeys(typ.Field(i).Type)...)
	}
	return keys
}
