package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// readObject reads one JSON object into a struct. encoding/json would take more than the
// description has: null for what is not said, keys in other letters, a key twice. Who
// sends such a thing means something else: a rollback to a selector that is null would
// take back every host.
func readObject(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return badJSON(err)
	}
	if len(bytes.TrimSpace(data[dec.InputOffset():])) > 0 {
		return BadRequest("", errors.New("something follows the object"))
	}
	return onlyKeys(data, keysOf(into))
}

// keysOf returns the keys of a struct.
func keysOf(into any) (keys []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeOf(into).Elem()) {
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		keys = append(keys, key)
	}
	return keys
}

// onlyKeys wants each key of an object to be one of keys, there once, and not null.
func onlyKeys(object []byte, keys []string) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return BadRequest("", errors.New("cannot read the request: it is no object"))
	}
	var seen []string
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return badJSON(err)
		}
		key := fmt.Sprint(token)
		var value any
		if err := dec.Decode(&value); err != nil {
			return badJSON(err)
		}
		switch {
		case !slices.Contains(keys, key):
			return BadRequest(key, fmt.Errorf("%s: unknown key", key))
		case slices.Contains(seen, key):
			return BadRequest(key, fmt.Errorf("%s: is there twice", key))
		case hasNull(value):
			return BadRequest(key, fmt.Errorf("%s: must not be null", key))
		}
		seen = append(seen, key)
	}
	return nil
}

// hasNull reports whether a value is null, or a list that has one.
func hasNull(value any) bool {
	all, _ := value.([]any)
	return value == nil || slices.ContainsFunc(all, hasNull)
}
