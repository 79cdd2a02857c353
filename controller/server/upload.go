package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Bounds of an uploaded package: its size, and the time in which the next piece
// of it must come.
const (
	maxUpload   = 4 << 30
	uploadPiece = 1 << 20
)

const uploadPattern = "upload-*.deb"

// uploaded is a package that a client sent, in a file of ours.
type uploaded struct{ path string }

func (u uploaded) remove() { _ = os.Remove(u.path) } // what stays, CleanUploads takes

// CleanUploads removes what a daemon that was killed has left in the folder for
// uploads.
func CleanUploads(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, uploadPattern))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range left {
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

// upload stores the body of a request.
func (s *Server) upload(c *call) (u uploaded, err error) {
	const wanted = "application/vnd.debian.binary-package"
	if kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); kind != wanted {
		return u, &Problem{Status: http.StatusUnsupportedMediaType, Detail: fmt.Sprintf("cannot take a body of %q: want %s", kind, wanted)}
	}
	file, err := os.CreateTemp(s.Scratch, uploadPattern)
	if err != nil {
		return u, fmt.Errorf("cannot take the package: %w", err)
	}
	u.path = file.Name()
	err = errors.Join(c.receive(file), file.Close())
	if err != nil {
		u.remove()
	}
	return u, err
}

// receive copies the body piece by piece: a large package may take its time, a
// client that stands still may not.
func (c *call) receive(into io.Writer) error {
	body := http.MaxBytesReader(c.w, c.whole, maxUpload)
	for {
		if err := c.control.SetReadDeadline(time.Now().Add(bodyTime)); err != nil {
			return err
		}
		_, err := io.CopyN(into, body, uploadPiece)
		if errors.Is(err, io.EOF) {
			return c.bodyRead()
		}
		if err != nil {
			return fmt.Errorf("cannot take the package: %w", err)
		}
	}
}

// nameOf says in words which package was published.
func nameOf(published []Object) string {
	var p struct {
		Package string `json:"package"`
		Version string `json:"version"`
	}
	if len(published) == 0 || json.Unmarshal(published[0], &p) != nil {
		return "a package"
	}
	return p.Package + " " + p.Version
}
