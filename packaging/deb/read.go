package deb

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

const (
	maxControl    = 4 << 20  // of the control file
	maxControlTar = 64 << 20 // of all control files, unpacked; md5sums of the largest packages are 5 MB
)

// Control is what a package says of itself.
type Control struct {
	debian.Stanza        // the control file, its bytes as they are in the package
	Name          string // of the package; it, Version and Architecture are valid
	Version       string
	Architecture  string
}

// FileName returns the name under which dpkg-deb would write the package:
// NAME_VERSION_ARCHITECTURE.deb, without the epoch.
func (c Control) FileName() string { return fileName(c.Name, c.Version, c.Architecture) }

func fileName(name, version, architecture string) string {
	return name + "_" + debian.WithoutEpoch(version) + "_" + architecture + ".deb"
}

// Verify reads the whole of a .deb of size bytes, and returns what it says of itself.
// It checks the order of the archive's members, that each is there in full, and the
// names of the control files; and to the end of the data, that every file's name is
// relative and stays within the root, that no file lies behind a symbolic link of the
// same package, and the checksums of the compression. It may be called concurrently.
func Verify(r io.ReaderAt, size int64) (Control, error) {
	var c Control
	err := reading(r, size, func(p packageFile) (err error) {
		if c, err = p.readControl(); err != nil {
			return err
		}
		// That each file is there in full is seen when it is skipped.
		return p.eachEntry(p.data, math.MaxInt64, func(tarEntry, io.Reader) error { return nil })
	})
	return c, err
}

// reading opens a package for read.
func reading(r io.ReaderAt, size int64, read func(packageFile) error) error {
	p, err := open(r, size)
	if err == nil {
		err = read(p)
	}
	if err != nil {
		return fmt.Errorf("cannot read package: %w", err)
	}
	return nil
}

// packageFile is a .deb whose members are known to be there.
type packageFile struct {
	r             io.ReaderAt
	control, data arMember
}

// open finds the members, which must come in the order that dpkg demands:
// debian-binary, control.tar, data.tar. Before the last two there may be members
// whose name begins with "_", and anything after them (deb(5)).
func open(r io.ReaderAt, size int64) (packageFile, error) {
	p := packageFile{r: r}
	members, err := readMembers(r, size)
	if err != nil {
		return p, err
	}
	if len(members) == 0 || members[0].name != "debian-binary" {
		return p, errors.New("its first member is not debian-binary")
	}
	if err := checkFormat(io.NewSectionReader(r, members[0].offset, members[0].size)); err != nil {
		return p, err
	}
	members = slices.DeleteFunc(members[1:], func(m arMember) bool { return strings.HasPrefix(m.name, "_") })
	if len(members) == 0 || !isTar(members[0].name, "control", ".gz", ".xz", ".zst") {
		return p, errors.New("control.tar does not follow debian-binary")
	}
	if len(members) == 1 || !isTar(members[1].name, "data", ".gz", ".xz", ".zst", ".bz2", ".lzma") {
		return p, errors.New("data.tar does not follow control.tar")
	}
	p.control, p.data = members[0], members[1]
	return p, nil
}

// checkFormat accepts version 2 of the format with any minor number.
func checkFormat(debianBinary io.Reader) error {
	var text [16]byte
	n, err := io.ReadFull(debianBinary, text[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	version, _, ok := strings.Cut(string(text[:n]), "\n")
	if !ok || !strings.HasPrefix(version, "2.") {
		return fmt.Errorf("its debian-binary says %q, not 2.0", text[:n])
	}
	return nil
}

func isTar(name, base string, suffixes ...string) bool {
	suffix, ok := strings.CutPrefix(name, base+".tar")
	return ok && (suffix == "" || slices.Contains(suffixes, suffix))
}

// readControl reads all of the control member and keeps the control file.
func (p packageFile) readControl() (Control, error) {
	var text []byte
	err := p.eachEntry(p.control, maxControlTar, func(e tarEntry, content io.Reader) error {
		if path.Clean(e.name) != "control" {
			return nil
		}
		if e.size > maxControl || e.kind != tar.TypeReg {
			return fmt.Errorf("control is no file of at most %d bytes", maxControl)
		}
		if text != nil {
			return errors.New("control is there twice")
		}
		text = make([]byte, e.size)
		_, err := io.ReadFull(content, text)
		return err
	})
	if err != nil {
		return Control{}, err
	}
	if text == nil {
		return Control{}, fmt.Errorf("%s: it has no control file", p.control.name)
	}
	c, err := parseControl(text)
	if err != nil {
		return Control{}, fmt.Errorf("%s: %w", p.control.name, err)
	}
	return c, nil
}

func parseControl(text []byte) (Control, error) {
	s, err := debian.ParseStanza(text)
	if err != nil {
		return Control{}, err
	}
	c := Control{Stanza: s, Name: s.Get("Package"), Version: s.Get("Version"), Architecture: s.Get("Architecture")}
	return c, errors.Join(
		debian.ValidatePackageName(c.Name),
		debian.ValidateVersion(c.Version),
		debian.ValidateArchitecture(c.Architecture))
}

// eachEntry calls fn for every entry of a tar member, which may unpack to limit
// bytes.
func (p packageFile) eachEntry(m arMember, limit int64, fn func(tarEntry, io.Reader) error) error {
	if done, err := p.eachAtOnce(m, limit, fn); done {
		return err
	}
	return p.unpack(m, limit, func(r io.Reader) error { return eachEntry(r, fn) })
}

// unpack calls read with the content of a member, which may be limit bytes.
func (p packageFile) unpack(m arMember, limit int64, read func(io.Reader) error) error {
	_, suffix, _ := strings.Cut(m.name, ".tar")
	return m.explain(decompressed(io.NewSectionReader(p.r, m.offset, m.size), suffix, limit, read))
}

// explain names the member in an error.
func (m arMember) explain(err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	return nil
}

func eachEntry(r io.Reader, fn func(tarEntry, io.Reader) error) error {
	return eachHeader(r, func(h *tar.Header, content io.Reader) error {
		return fn(tarEntry{h.Name, h.Linkname, h.Typeflag, h.Size}, content)
	})
}

func eachHeader(r io.Reader, fn func(*tar.Header, io.Reader) error) error {
	var names entryNames
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r) // the rest, for the checksum at its end
			return err
		}
		if err == nil {
			err = names.check(tarEntry{h.Name, h.Linkname, h.Typeflag, h.Size})
		}
		if err == nil {
			err = fn(h, tr)
		}
		if err != nil {
			return err
		}
	}
}
