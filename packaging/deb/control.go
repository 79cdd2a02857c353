package deb

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aptfleet/aptfleet/pkg/debian"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// Validate returns all that is wrong with the recipe's own fields, joined. It
// does not look at files.
func (r *Recipe) Validate() error {
	var errs []error
	check := func(key string, err error) {
		if err != nil {
			errs = append(errs, r.errorf(tomlfile.Key{key}, "%w", err))
		}
	}
	check("name", debian.ValidatePackageName(r.Name))
	check("version", debian.ValidateVersion(r.Version))
	check("architecture", debian.ValidateArchitecture(r.architecture()))
	check("maintainer", validateMaintainer(r.Maintainer))
	check("section", validateSection(r.Section))
	check("priority", oneOf(r.Priority, "", "required", "important", "standard", "optional", "extra"))
	check("homepage", validateHomepage(r.Homepage))
	check("description", validateDescription(r.Description))
	check("multi_arch", r.validateMultiArch())
	check("compression", r.Compression.validate())
	for _, f := range r.relations() {
		check(f.key, f.err)
	}
	check("fields", r.validateFields())
	check("triggers", validateTriggers(r.Triggers))
	return errors.Join(errs...)
}

func oneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%q is none of %s", value, strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
}

func validateMaintainer(s string) error {
	address, err := mail.ParseAddress(s)
	if err != nil || address.Name == "" || strings.ContainsAny(s, "\n\r") {
		return fmt.Errorf("%q is not of the form \"Name <mail@example.com>\"", s)
	}
	return nil
}

func validateSection(s string) error {
	for _, part := range strings.SplitN(s, "/", 2) {
		if s != "" && strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || s != "" && part == "" {
			return fmt.Errorf("%q is not a section such as web or contrib/net", s)
		}
	}
	return nil
}

func validateHomepage(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not the address of a web page", s)
	}
	return nil
}

func validateDescription(s string) error {
	switch synopsis, _, _ := strings.Cut(strings.TrimSpace(s), "\n"); {
	case synopsis == "":
		return errors.New("it is missing")
	case !utf8.ValidString(s):
		return errors.New("it is not UTF-8")
	}
	_, err := (debian.Stanza{}).With("Description", description(s))
	return err
}

func (r *Recipe) validateMultiArch() error {
	if r.MultiArch == "same" && r.architecture() == "all" {
		return errors.New("a package of architecture all cannot be \"same\": apt warns of it at every update")
	}
	return oneOf(r.MultiArch, "", "foreign", "same", "allowed")
}

// validateTriggers accepts the directives of deb-triggers(5).
func validateTriggers(lines []string) error {
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) != 2 || strings.ContainsAny(line, "\n\r") {
			return fmt.Errorf("%q is not a directive and the name of a trigger", line)
		}
		err := oneOf(words[0], "interest", "interest-await", "interest-noawait", "activate", "activate-await", "activate-noawait")
		if err != nil {
			return err
		}
	}
	return nil
}

// validateFields refuses fields that have a key of their own, and those that
// only an archive writes.
func (r *Recipe) validateFields() error {
	own := r.control(0)
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		if _, taken := lookup(own, name); taken || slices.Contains([]string{"Filename", "Size", "MD5sum", "SHA1", "SHA256", "Status"}, name) {
			return fmt.Errorf("field %s cannot be set here", name)
		}
		if _, err := (debian.Stanza{}).With(name, r.Fields[name]); err != nil {
			return err
		}
	}
	return nil
}

func lookup(fields []debian.Field, name string) (string, bool) {
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value, true
		}
	}
	return "", false
}

// relationField is one of the fields of relations with its value as dpkg writes it.
type relationField struct {
	key, name, value string
	err              error
}

// relations returns the fields of relations in dpkg's order. Those that are
// empty have no value.
func (r *Recipe) relations() []relationField {
	fields := []struct {
		key, name string
		list      []string
	}{
		{"pre_depends", "Pre-Depends", r.PreDepends},
		{"depends", "Depends", r.Depends},
		{"recommends", "Recommends", r.Recommends},
		{"suggests", "Suggests", r.Suggests},
		{"enhances", "Enhances", r.Enhances},
		{"breaks", "Breaks", r.Breaks},
		{"conflicts", "Conflicts", r.Conflicts},
		{"replaces", "Replaces", r.Replaces},
		{"provides", "Provides", r.Provides},
	}
	var all []relationField
	for _, f := range fields {
		rf := relationField{key: f.key, name: f.name}
		if len(f.list) > 0 {
			var parsed debian.Relations
			parsed, rf.err = debian.ParseRelations(f.name, r.expand(strings.Join(f.list, ", ")))
			rf.value = parsed.String()
		}
		all = append(all, rf)
	}
	return all
}

// control returns the fields of the control file in the order in which dpkg
// writes them, empty ones included.
func (r *Recipe) control(installedKiB int64) []debian.Field {
	fields := []debian.Field{
		{Name: "Package", Value: r.Name},
		{Name: "Version", Value: r.Version},
		{Name: "Architecture", Value: r.architecture()},
		{Name: "Maintainer", Value: r.Maintainer},
		{Name: "Installed-Size", Value: strconv.FormatInt(installedKiB, 10)},
	}
	for _, f := range r.relations() {
		fields = append(fields, debian.Field{Name: f.name, Value: f.value})
	}
	return append(fields,
		debian.Field{Name: "Section", Value: or(r.Section, "misc")},
		debian.Field{Name: "Priority", Value: or(r.Priority, "optional")},
		debian.Field{Name: "Multi-Arch", Value: r.MultiArch},
		debian.Field{Name: "Homepage", Value: r.Homepage},
		debian.Field{Name: "Description", Value: description(r.Description)})
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// stanza returns the control file. Fields of the user's own come before the
// description.
func (r *Recipe) stanza(installedKiB int64) (debian.Stanza, error) {
	var fields []debian.Field
	for _, f := range r.control(installedKiB) {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	last := len(fields) - 1
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		fields = slices.Insert(fields, last, debian.Field{Name: name, Value: r.Fields[name]})
		last++
	}
	return debian.Stanza{}.Insert("", fields...)
}

// description gives the text the form of a control field: lines after the
// synopsis begin with a space, and an empty one is a dot (policy 5.6.13).
func description(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case i > 0 && line == "":
			line = " ."
		case i > 0:
			line = " " + line
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}
