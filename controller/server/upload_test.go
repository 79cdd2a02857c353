package server

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/access"
)

func TestUpload(t *testing.T) {
	r := start(t)
	large := strings.Repeat("0123456789abcdef", 200<<10) // 3 pieces and more than maxBody
	answer, body := r.remote.do("POST", "/v1/suites/stable/packages", r.tokens["operator"], debType, large)
	if answer.StatusCode != 200 || !slices.Equal(r.uploaded, []string{large}) {
		t.Errorf("an upload of %d bytes is answered with %s, %d packages arrived: %s", len(large), answer.Status, len(r.uploaded), body)
	}
	left := filepath.Join(r.scratch, "upload-1", "0")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := CleanUploads(r.scratch); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(left)); err == nil {
		t.Error("what a dead daemon left stays")
	}
}

// form writes packages as parts, each with a name, the name of its file, and what
// is in it.
func form(t *testing.T, parts ...[3]string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		part, err := w.CreateFormFile(p[0], p[1])
		if err == nil {
			_, err = part.Write([]byte(p[2]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

// TestUploadSeveral: all packages of a request are published together, and the
// history names them.
func TestUploadSeveral(t *testing.T) {
	r := start(t)
	large := strings.Repeat("x", 3<<20)
	kind, body := form(t, [3]string{partName, "a.deb", large}, [3]string{partName, "a.deb", "b"})
	if answer, got := r.remote.do("POST", "/v1/suites/stable/packages", r.tokens["operator"], kind, body); answer.StatusCode != 200 {
		t.Errorf("two packages are answered with %s: %s", answer.Status, got)
	}
	if !slices.Equal(r.uploaded, []string{large, "b"}) {
		t.Errorf("%d packages arrived, want 2", len(r.uploaded))
	}
	answer, got := r.remote.do("POST", "/v1/suites/taken/packages", r.tokens["operator"], kind, body)
	if answer.StatusCode != http.StatusConflict || !strings.Contains(string(got), "cannot publish a.deb: ") {
		t.Errorf("what is published already is answered with %s: %s", answer.Status, got)
	}
	recorded := r.recorded()
	if len(recorded) != 2 || recorded[0].What != "shop-web 1.1, shop-web 1.1 to stable" || recorded[1].What != "to taken" {
		t.Errorf("recorded is %+v", recorded)
	}
	if left, err := filepath.Glob(filepath.Join(r.scratch, uploadPattern)); err != nil || len(left) > 0 {
		t.Errorf("left behind is %v, %v", left, err)
	}
}

// TestUploadRefused sends what is no form of packages.
func TestUploadRefused(t *testing.T) {
	r := start(t)
	kind, one := form(t, [3]string{partName, "a.deb", "a"})
	post := func(kind, body string) (int, string) {
		answer, got := r.remote.do("POST", "/v1/suites/stable/packages", r.tokens["operator"], kind, body)
		return answer.StatusCode, string(got)
	}
	for _, tt := range []struct {
		name, part, file string
		want             string
	}{
		{"another part", "file", "a.deb", `cannot take the part \"file\"`},
		{"no file", partName, "", "cannot take the part"},
		{"the folder above", partName, "..", "cannot take the part"},
		{"a control character", partName, "a\x01.deb", "cannot take the packages"},
		{"a long name", partName, strings.Repeat("a", 256), "cannot take the part"},
	} {
		kind, body := form(t, [3]string{tt.part, tt.file, "x"})
		if status, got := post(kind, body); status != http.StatusBadRequest || !strings.Contains(got, tt.want) {
			t.Errorf("%s is answered with %d: %s", tt.name, status, got)
		}
	}
	if status, got := post(kind, one[:len(one)-20]); status != http.StatusBadRequest {
		t.Errorf("a form that breaks off is answered with %d: %s", status, got)
	}
	if kind, none := form(t); none != "" {
		if status, got := post(kind, none); status != http.StatusBadRequest || !strings.Contains(got, "there is no package") {
			t.Errorf("an empty form is answered with %d: %s", status, got)
		}
	}
	if r.uploaded != nil {
		t.Errorf("published was %q", r.uploaded)
	}
	if left, err := filepath.Glob(filepath.Join(r.scratch, uploadPattern)); err != nil || len(left) > 0 {
		t.Errorf("left behind is %v, %v", left, err)
	}
}

// TestNameOf: the history stays readable when many are published.
func TestNameOf(t *testing.T) {
	var many []Object
	for i := range 7 {
		many = append(many, object("package", "package", fmt.Sprintf("p%d", i), "version", "1"))
	}
	if got := nameOf(many); got != "p0 1, p1 1, p2 1, p3 1, p4 1, 2 more" {
		t.Errorf("seven packages are %q", got)
	}
}

// TestUploadRevoked: a package whose token was revoked while it came is not published.
func TestUploadRevoked(t *testing.T) {
	r := start(t)
	body, write := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.remote.base+"/v1/suites/stable/packages", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.tokens["operator"])
	req.Header.Set("Content-Type", debType)
	go func() {
		_, _ = io.WriteString(write, "!<ar") // the answer tells what came
		for begun := []string(nil); len(begun) == 0; time.Sleep(time.Millisecond) {
			begun, _ = filepath.Glob(filepath.Join(r.scratch, uploadPattern)) // the pattern is good
		}
		r.tokensNow(func(access.Token) access.Token { return access.Token{} })
		_, _ = io.WriteString(write, "ch>")
		write.Close()
	}()
	answer, err := r.remote.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized || len(r.uploaded) > 0 {
		t.Errorf("it is answered with %s, and %q is published", answer.Status, r.uploaded)
	}
	if left, err := filepath.Glob(filepath.Join(r.scratch, uploadPattern)); err != nil || len(left) > 0 {
		t.Errorf("left behind is %v, %v", left, err)
	}
}
