package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Bounds of uploaded packages: their size together, their number, and the time in
// which the next piece of them must come.
const (
	maxUpload   = 4 << 30
	maxPackages = 1000
	uploadPiece = 1 << 20
)

const uploadPattern = "upload-*"

// The media types of a package, and of several, each a part called package.
const (
	debType   = "application/vnd.debian.binary-package"
	partsType = "multipart/form-data"
	partName  = "package"
)

// uploaded are packages that a client sent, in a folder of ours.
type uploaded struct {
	folder string
	paths  []string
}

func (u *uploaded) remove() { _ = os.RemoveAll(u.folder) } // what stays, CleanUploads takes

// hide takes our folders out of an error about the packages, so that they have the
// names that the client knows.
func (u *uploaded) hide(err error) error {
	if err == nil {
		return nil
	}
	p := problemOf(err)
	for _, path := range u.paths {
		p.Detail = strings.ReplaceAll(p.Detail, path, filepath.Base(path))
	}
	return p
}

// CleanUploads removes what a daemon that was killed has left in the folder for
// uploads.
func CleanUploads(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, uploadPattern))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range left {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(errs...)
}

// upload stores the body of a request: a package, or several as parts.
func (s *Server) upload(c *call) (u *uploaded, err error) {
	kind, parameters, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if kind != debType && kind != partsType {
		return nil, &Problem{Status: http.StatusUnsupportedMediaType, Detail: fmt.Sprintf("cannot take a body of %q: want %s or %s", kind, debType, partsType)}
	}
	u = &uploaded{}
	if u.folder, err = os.MkdirTemp(s.Scratch, uploadPattern); err != nil {
		return nil, fmt.Errorf("cannot take the package: %w", err)
	}
	body := http.MaxBytesReader(c.w, c.whole, maxUpload)
	if kind == debType {
		err = c.receive(u, "package.deb", body)
	} else {
		err = c.receiveParts(u, multipart.NewReader(body, parameters["boundary"]))
	}
	if err = errors.Join(err, c.bodyRead()); err != nil {
		u.remove()
	}
	return u, err
}

// receiveParts stores each part of a body.
func (c *call) receiveParts(u *uploaded, parts *multipart.Reader) error {
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && len(u.paths) > 0:
			return nil
		case errors.Is(err, io.EOF):
			return BadRequest(partName, errors.New("there is no package"))
		case err != nil:
			return badForm(fmt.Errorf("cannot take the packages: %w", err))
		case len(u.paths) == maxPackages:
			return BadRequest(partName, fmt.Errorf("there are more than %d packages", maxPackages))
		}
		if name := part.FileName(); part.FormName() != partName || !isFileName(name) {
			return BadRequest(partName, fmt.Errorf("cannot take the part %q, a file of the name %q: want the files of packages as %q", part.FormName(), name, partName))
		}
		if err := c.receive(u, part.FileName(), part); err != nil {
			return err
		}
	}
}

// badForm blames the client for a form that cannot be read, unless it is too large.
func badForm(err error) error {
	if statusOf(err) == http.StatusRequestEntityTooLarge {
		return err
	}
	return BadRequest("", err)
}

// isFileName takes what can be the name of a file in any folder.
func isFileName(s string) bool {
	control := func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' }
	return s != "" && s != "." && s != ".." && len(s) <= 255 && !strings.ContainsFunc(s, control)
}

// receive copies a package piece by piece: a large one may take its time, a
// client that stands still may not.
func (c *call) receive(u *uploaded, name string, from io.Reader) (err error) {
	folder := filepath.Join(u.folder, strconv.Itoa(len(u.paths))) // of its own: two may have one name
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("cannot take the package: %w", err)
	}
	file, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return fmt.Errorf("cannot take the package: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	u.paths = append(u.paths, file.Name())
	for {
		if err := c.control.SetReadDeadline(time.Now().Add(bodyTime)); err != nil {
			return err
		}
		_, err := io.CopyN(file, from, uploadPiece)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF): // it breaks off
			return badForm(fmt.Errorf("cannot take the package: %w", err))
		case err != nil:
			return fmt.Errorf("cannot take the package: %w", err)
		}
	}
}

// mostNamed is how many packages the history names of those that were published.
const mostNamed = 5

// nameOf says in words which packages were published.
func nameOf(published []Object) string {
	var names []string
	for i, o := range published {
		if i == mostNamed {
			names = append(names, fmt.Sprintf("%d more", len(published)-mostNamed))
			break
		}
		var p struct {
			Package string `json:"package"`
			Version string `json:"version"`
		}
		if json.Unmarshal(o, &p) == nil {
			names = append(names, p.Package+" "+p.Version)
		}
	}
	return strings.Join(names, ", ")
}
