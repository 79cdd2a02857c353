package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aptfleet/aptfleet/packaging/aptrepo"
	"github.com/aptfleet/aptfleet/packaging/sign"
)

const (
	largeName     = "large"
	largePackages = 60000
	largeIndex    = "main/binary-amd64/Packages"
)

// largeSuite is a signed apt repository with one suite as large as main of
// Debian 12. Its indices are written straight, without a .deb behind them: hosts
// read its lists and never install from it.
type largeSuite struct {
	repository    *aptrepo.Repository // for its key, and to be served
	keys          *sign.Keyring
	folder        string // of the suite, below dists
	plain, packed []byte // the index without its last stanza
	generation    int
	fetched       atomic.Int64 // requests for the index
}

// newLargeSuite makes the suite in dir.
func newLargeSuite(ctx context.Context, dir string) (*largeSuite, error) {
	key, err := sign.Generate(largeName)
	if err != nil {
		return nil, err
	}
	s := &largeSuite{keys: sign.NewKeyring(key), folder: filepath.Join(dir, "dists", largeName), plain: stanzas(largePackages)}
	s.repository, err = aptrepo.Create(ctx, aptrepo.Folder(dir), s.keys, aptrepo.Settings{Origin: largeName, Suites: []string{largeName}})
	if err != nil {
		return nil, err
	}
	if s.packed, err = gzipped(s.plain); err != nil {
		return nil, err
	}
	return s, s.change()
}

// change publishes another version of the suite's last package, so that hosts
// which refresh the suite must fetch its index anew.
func (s *largeSuite) change() error {
	s.generation++
	last := fmt.Appendf(nil, "\nPackage: zzz\nVersion: %d\nArchitecture: all\nMaintainer: Bench <bench@example.com>\n"+
		"Filename: pool/main/z/zzz.deb\nSize: 1000\nSHA256: %064x\nDescription: changes every time\n", s.generation, s.generation)
	tail, err := gzipped(last) // a member of its own, which spares packing the rest again
	if err != nil {
		return err
	}
	files := map[string][]byte{largeIndex: slices.Concat(s.plain, last), largeIndex + ".gz": slices.Concat(s.packed, tail)}
	inRelease, err := s.keys.ClearSign(largeRelease(files))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(s.folder, largeIndex+".gz"), files[largeIndex+".gz"], 0o644),
		os.WriteFile(filepath.Join(s.folder, "InRelease"), inRelease, 0o644),
	)
}

// largeRelease returns the text of the suite's Release file.
func largeRelease(files map[string][]byte) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "Origin: %[1]s\nLabel: %[1]s\nSuite: %[1]s\nCodename: %[1]s\nArchitectures: amd64\nComponents: main\nDate: %[2]s\nSHA256:\n",
		largeName, time.Now().UTC().Format(time.RFC1123))
	for _, name := range []string{largeIndex, largeIndex + ".gz"} {
		fmt.Fprintf(&text, " %x %d %s\n", sha256.Sum256(files[name]), len(files[name]), name)
	}
	return text.Bytes()
}

// ServeHTTP serves the suite, and counts who fetches its index.
func (s *largeSuite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if filepath.Base(r.URL.Path) == "Packages.gz" {
		s.fetched.Add(1)
	}
	s.repository.Handler().ServeHTTP(w, r)
}

func gzipped(text []byte) ([]byte, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(text)
	err = errors.Join(err, w.Close())
	return packed.Bytes(), err
}
