package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// certificateFile is a certificate of this installation that ends some day, and that
// nobody but its administrator renews.
type certificateFile struct {
	of        string // "the API", say
	path, key string // key is "" where there is none, or it is elsewhere
	renewed   string // what has it taken up
}

// certificateFiles are those in use. The one of the agents' door is none where it is
// of our own authority: it is made anew in time. The tokens of agents do not end.
func (in *installation) certificateFiles() (files []certificateFile) {
	if in.Server.TLSCert != "" {
		files = append(files, certificateFile{"the API", in.Server.TLSCert, in.Server.TLSKey, "reload the daemon"})
	}
	if in.Bus.Listen != "" && in.Bus.TLSCert != "" {
		files = append(files, certificateFile{"the agents' door", in.Bus.TLSCert, in.Bus.TLSKey, "the daemon sees the new files by itself"})
	}
	const hosts = "enroll the hosts again with a new one before"
	if in.Bus.CA != "" {
		return append(files, certificateFile{"the bus's authority", in.Bus.CA, "", hosts})
	}
	own := bus.AuthorityFile(in.State)
	if _, err := os.Stat(own); in.Bus.Listen != "" && !errors.Is(err, fs.ErrNotExist) { // else it is made when the door opens
		files = append(files, certificateFile{"the bus's authority", own, "", hosts})
	}
	return files
}

// endsSoon is how long before its end a certificate is warned of; one that is short
// of life anyway is so in the last quarter of it.
const endsSoon = 14 * 24 * time.Hour

// outdatedError is that a certificate is over, soon will be, or is not valid yet.
type outdatedError struct {
	file  certificateFile
	until time.Time // or from when, if it is not valid yet
	state string
}

func (e *outdatedError) Error() string {
	return fmt.Sprintf("the certificate of %s, %s, %s %s: replace it; %s",
		e.file.of, e.file.path, e.state, e.until.Local().Format("2006-01-02 15:04"), e.file.renewed)
}

// What is wrong with a certificate.
const (
	isOver   = "is over since"
	willEnd  = "ends on"
	notValid = "is not valid before"
)

// check returns when a certificate ends. The error is an *outdatedError if that is
// soon, and says else why it cannot be used at all.
func (f certificateFile) check(now time.Time) (until time.Time, err error) {
	chain, err := f.read()
	if err != nil {
		return until, fmt.Errorf("cannot use the certificate of %s, %s: %w", f.of, f.path, err)
	}
	first := chain[0]
	for _, c := range chain { // one that signs the first may end before it
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
		if now.Before(c.NotBefore) {
			return c.NotAfter, &outdatedError{f, c.NotBefore, notValid}
		}
	}
	until = first.NotAfter
	switch left := until.Sub(now); {
	case left <= 0:
		return until, &outdatedError{f, until, isOver}
	case left < min(endsSoon, until.Sub(first.NotBefore)/4):
		return until, &outdatedError{f, until, willEnd}
	}
	return until, nil
}

// read reads the file's certificates, of which the key fits the first.
func (f certificateFile) read() (chain []*x509.Certificate, err error) {
	if f.key != "" {
		if _, err := tls.LoadX509KeyPair(f.path, f.key); err != nil {
			return nil, err
		}
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	return chain, nil
}

// examineCertificates tells of those that have to be replaced.
func (in *installation) examineCertificates(context.Context) (string, error) {
	var errs []error
	var next certificateFile
	var ends time.Time
	for _, f := range in.certificateFiles() {
		until, err := f.check(time.Now())
		errs = append(errs, err)
		if !until.IsZero() && (ends.IsZero() || until.Before(ends)) {
			next, ends = f, until
		}
	}
	if ends.IsZero() {
		return "there is none", errors.Join(errs...)
	}
	return fmt.Sprintf("that of %s, %s, ends first, on %s", next.of, next.path, ends.Local().Format(time.DateOnly)), errors.Join(errs...)
}

// warnEvery is how often the daemon warns of certificates.
const warnEvery = 24 * time.Hour

// certificates warns of those that are to be replaced, now and daily until ctx ends. A
// reload does so for what it has read.
func (s *service) certificates(ctx context.Context) error {
	for {
		s.daemon.installation("").warnOfCertificates()
		if pause.For(ctx, warnEvery) != nil {
			return nil
		}
	}
}

func (in *installation) warnOfCertificates() {
	for _, f := range in.certificateFiles() {
		_, err := f.check(time.Now())
		if outdated, is := errors.AsType[*outdatedError](err); is && outdated.state == willEnd {
			in.app.log.Warn("a certificate ends soon", "error", err)
		} else if err != nil {
			in.app.log.Error("a certificate is of no use", "error", err)
		}
	}
}
