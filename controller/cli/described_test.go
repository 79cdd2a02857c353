package cli

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestLinesAreDescribed holds what the API answers with, which is what the commands
// print, against its description, in both directions.
func TestLinesAreDescribed(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../server/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]line{
		"Version": versionLine{}, "Rollout": statusLine{}, "Event": eventLine{}, "Progress": progressLine{}, "History": historyLine{}, "Log": logLine{},
		"Plan": planLine{}, "Action": actionLine{}, "Host": hostLine{}, "Ping": pingLine{}, "Enrolled": enrolledLine{}, "Health": healthLine{},
		"Package": packageLine{}, "Pruned": prunedLine{}, "Schedule": scheduleLine{},
	} {
		schema := doc.Components.Schemas[name].Value
		kinds := schema.Properties["type"].Value.Enum
		if !slices.Contains(kinds, any(l.kind())) {
			t.Errorf("%s is described with types %v, and is %s", name, kinds, l.kind())
		}
		described(t, name, schema, reflect.TypeOf(l), "type")
	}
}

// described wants a schema to have the keys of a struct, others that it has besides, and
// no more; and so of what is in it, as far as that is described.
func described(t *testing.T, name string, schema *openapi3.Schema, typ reflect.Type, others ...string) {
	t.Helper()
	left := maps.Clone(schema.Properties)
	for _, other := range others {
		delete(left, other)
	}
	for _, field := range reflect.VisibleFields(typ) {
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || field.Anonymous || key == "-" {
			continue
		}
		property := left[key]
		if property == nil {
			t.Errorf("%s: %s is not described", name, key)
			continue
		}
		delete(left, key)
		if strings.Contains(options, "omitempty") && slices.Contains(schema.Required, key) {
			t.Errorf("%s: %s is required and may be missing", name, key)
		}
		describedType(t, name+"."+key, property.Value, field.Type)
	}
	for key := range left {
		t.Errorf("%s: %s is described and never there", name, key)
	}
}

// kinds are how JSON has Go's values; lists and structs are looked into.
var kinds = map[reflect.Kind]string{
	reflect.String: openapi3.TypeString, reflect.Bool: openapi3.TypeBoolean, reflect.Int: openapi3.TypeInteger, reflect.Int64: openapi3.TypeInteger,
	reflect.Float64: openapi3.TypeNumber, reflect.Slice: openapi3.TypeArray, reflect.Map: openapi3.TypeObject, reflect.Struct: openapi3.TypeObject,
}

func describedType(t *testing.T, name string, schema *openapi3.Schema, typ reflect.Type) {
	t.Helper()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case typ == reflect.TypeFor[time.Time]():
		if schema.Format != "date-time" {
			t.Errorf("%s: a time is described as %v %s", name, schema.Type, schema.Format)
		}
		return
	case !schema.Type.Is(kinds[typ.Kind()]):
		t.Errorf("%s: %v is described as %v", name, typ, schema.Type)
	case typ.Kind() == reflect.Slice:
		describedType(t, name, schema.Items.Value, typ.Elem())
	case typ.Kind() == reflect.Struct:
		described(t, name, schema, typ)
	}
}
