package tomlfile

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/aptfleet/aptfleet/pkg/didyoumean"
)

// check compares the file's values with the type that they are to be decoded
// into, before anything is decoded.
func (f *File) check(values map[string]any, into reflect.Type) error {
	c := checker{file: f, fields: map[reflect.Type]map[string]reflect.Type{}}
	c.value(nil, values, into)
	slices.SortStableFunc(c.found, func(a, b problem) int { return a.line - b.line })
	var errs []error
	for _, p := range c.found {
		errs = append(errs, p.err)
	}
	return errors.Join(errs...)
}

type checker struct {
	file   *File
	found  []problem
	fields map[reflect.Type]map[string]reflect.Type // by struct: a file may have 100,000 tables of one kind
}

type problem struct {
	line int
	err  error
}

func (c *checker) fail(key Key, format string, args ...any) {
	c.found = append(c.found, problem{c.file.Line(key...), c.file.Errorf(key, format, args...)})
}

var (
	ownDecoder = reflect.TypeFor[toml.Unmarshaler]()
	ownText    = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (c *checker) value(key Key, v any, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch pointer := reflect.PointerTo(t); {
	case pointer.Implements(ownDecoder), t.Kind() == reflect.Interface:
		return // takes what it likes, and says so itself
	case pointer.Implements(ownText):
		c.text(key, v, t)
	case t.Kind() == reflect.Struct:
		c.table(key, v, t)
	case t.Kind() == reflect.Map:
		c.named(key, v, t.Elem())
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		c.list(key, v, t.Elem())
	default:
		c.scalar(key, v, t)
	}
}

func (c *checker) text(key Key, v any, t reflect.Type) {
	s, ok := v.(string)
	if !ok {
		c.fail(key, "must be a string, is %s", kindOf(v))
		return
	}
	err := reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	if err != nil {
		c.fail(key, "%w", err)
	}
}

func (c *checker) table(key Key, v any, t reflect.Type) {
	values, ok := v.(map[string]any)
	if !ok {
		c.fail(key, "must be a table, is %s", kindOf(v))
		return
	}
	fields := c.fieldsOf(t)
	for name, v := range values {
		if field, ok := fields[name]; ok {
			c.value(key.With(name), v, field)
			continue
		}
		c.fail(key.With(name), "unknown key%s", didyoumean.Hint(name, slices.Values(slices.Sorted(maps.Keys(fields)))))
	}
}

func (c *checker) named(key Key, v any, elem reflect.Type) {
	values, ok := v.(map[string]any)
	if !ok {
		c.fail(key, "must be a table, is %s", kindOf(v))
		return
	}
	for name, v := range values {
		c.value(key.With(name), v, elem)
	}
}

func (c *checker) list(key Key, v any, elem reflect.Type) {
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice {
		c.fail(key, "must be a list, is %s", kindOf(v))
		return
	}
	for i := range list.Len() {
		c.value(key.With(Index(i)), list.Index(i).Interface(), elem)
	}
}

func (c *checker) scalar(key Key, v any, t reflect.Type) {
	want := kindOf(reflect.Zero(t).Interface())
	if got := kindOf(v); got != want && !(want == "a number" && got == "an integer") {
		c.fail(key, "must be %s, is %s", want, got)
	}
}

// fieldsOf returns the types of a struct's fields by their TOML key, those of
// embedded structs included.
func (c *checker) fieldsOf(t reflect.Type) map[string]reflect.Type {
	if known := c.fields[t]; known != nil {
		return known
	}
	fields := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		if name == "-" || !field.IsExported() || field.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		fields[name] = field.Type
	}
	c.fields[t] = fields
	return fields
}

// kindOf says what a value is in the words of someone who writes TOML.
func kindOf(v any) string {
	switch v.(type) {
	case time.Time:
		return "a date"
	case []map[string]any:
		return "a list of tables"
	}
	switch k := reflect.ValueOf(v).Kind(); k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a table"
	default:
		if reflect.ValueOf(v).CanInt() || reflect.ValueOf(v).CanUint() {
			return "an integer"
		}
		return fmt.Sprintf("a %s", k)
	}
}
