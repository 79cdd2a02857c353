// Package tomlfile reads the TOML files that people write for aptfleet, and
// reads them strictly: a key that the Go type does not have, or a value of
// another kind, is an error that names the file, the line and the key, with the
// key that was probably meant.
//
// The decoder of BurntSushi/toml does the work. It keeps no position of keys
// within arrays of tables and ignores the case of keys, so File looks up lines
// in the text itself, and keys are compared as they are written.
package tomlfile

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sync"

	"github.com/BurntSushi/toml"
)

// File is a decoded TOML file that still knows where each key stands, so that
// errors found later can say so. It may be used concurrently.
type File struct {
	name  string
	keys  []toml.Key
	lines func() map[string]int
}

// Read decodes the file at path into the struct that into points to.
func Read(path string, into any) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, errors.Unwrap(err))
	}
	return Decode(path, data, into)
}

// Decode decodes data into the struct that into points to; name is what errors
// call the file. Every key must be in the toml tag of a field, in exactly that
// case; a field with an UnmarshalText method takes a string.
//
// All unknown keys and values of a wrong kind are reported, joined, in an error
// of one line each.
func Decode(name string, data []byte, into any) (*File, error) {
	f := &File{name: name, lines: sync.OnceValue(func() map[string]int { return keyLines(string(data)) })}
	var whole toml.Primitive
	meta, err := toml.Decode(string(data), &whole)
	if err != nil {
		return nil, f.decodeError(err)
	}
	f.keys = meta.Keys()
	var values map[string]any
	if err := meta.PrimitiveDecode(whole, &values); err != nil {
		return nil, f.decodeError(err)
	}
	if err := f.check(values, reflect.TypeOf(into)); err != nil {
		return nil, err
	}
	if err := meta.PrimitiveDecode(whole, into); err != nil {
		return nil, f.decodeError(err)
	}
	return f, nil
}

// Children returns the keys right below the given one in the order in which the
// file first mentions them, which a decoded map has lost.
func (f *File) Children(parent ...string) []string {
	var children []string
	seen := map[string]bool{}
	for _, key := range f.keys {
		if len(key) <= len(parent) || !slices.Equal(key[:len(parent)], parent) {
			continue
		}
		if child := key[len(parent)]; !seen[child] {
			seen[child] = true
			children = append(children, child)
		}
	}
	return children
}

// Line returns the line of a key, counted from 1, or of its nearest ancestor
// that the file has. Elements of arrays are named by Index.
func (f *File) Line(key ...string) int {
	for ; len(key) > 0; key = key[:len(key)-1] {
		if line, ok := f.lines()[Key(key).id()]; ok {
			return line
		}
	}
	return 1
}

// Errorf returns an error of the form "FILE:LINE: KEY: message". It takes %w.
func (f *File) Errorf(key Key, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s: %w", f.name, f.Line(key...), key, fmt.Errorf(format, args...))
}

// Name returns what errors call the file.
func (f *File) Name() string { return f.name }

// decodeError gives an error of the TOML library our form.
func (f *File) decodeError(err error) error {
	var at toml.ParseError
	if !errors.As(err, &at) {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if at.Message == "" { // the cause came from a type's own unmarshaler
		return fmt.Errorf("%s:%d: %s: %w", f.name, at.Position.Line, at.LastKey, errors.Unwrap(at))
	}
	return fmt.Errorf("%s:%d: %s", f.name, at.Position.Line, at.Message)
}
