package aptrepo

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHandler(t *testing.T) {
	f := newFixture(t)
	p := f.publish("nightly", writeDeb(t, "app", "1:1.0", "amd64", ""))[0]
	g, err := f.readRelease("nightly")
	if err != nil {
		t.Fatal(err)
	}
	deb, err := os.ReadFile(filepath.Join(f.root, p.Filename))
	if err != nil {
		t.Fatal(err)
	}
	const never, always = "no-cache", "public, max-age=31536000, immutable"
	date := g.date.UTC().Format(http.TimeFormat)
	hash := byHash(dirOf("nightly", "amd64"), g.indices[0].Packed)
	for _, tt := range []struct {
		name, method, path string
		header             string // of the request: "Name: value"
		status             int
		cache              string
		body               string // "" is not looked at
	}{
		{"release", "GET", "dists/nightly/InRelease", "", 200, never, ""},
		{"release not changed", "GET", "dists/nightly/InRelease", "If-Modified-Since: " + date, 304, never, ""},
		{"release changed", "GET", "dists/nightly/InRelease", "If-Modified-Since: " + g.date.Add(-time.Second).UTC().Format(http.TimeFormat), 200, never, ""},
		{"plain name", "GET", "dists/nightly/main/binary-amd64/Packages", "", 200, never, ""},
		{"by hash", "GET", hash, "", 200, always, ""},
		{"package", "GET", p.Filename, "", 200, always, string(deb)},
		{"package, asked for", "HEAD", p.Filename, "", 200, always, ""},
		{"rest of a package", "GET", p.Filename, "Range: bytes=100-", 206, always, string(deb[100:])},
		{"bad range", "GET", p.Filename, "Range: bytes=99999-", 416, "", ""},
		{"missing", "GET", "pool/main/x/x.deb", "", 404, "", ""},
		{"folder", "GET", "dists/nightly", "", 404, "", ""},
		{"folder with a slash", "GET", "dists/nightly/", "", 404, "", ""},
		{"our own files", "GET", ".aptfleet/repository.json", "", 404, "", ""},
		{"our own files, round about", "GET", "pool/../.aptfleet/repository.json", "", 404, "", ""},
		{"above the root", "GET", "pool/../../etc/passwd", "", 404, "", ""},
		{"writing", "PUT", p.Filename, "", 405, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := httptest.NewRequest(tt.method, "http://repository/", nil)
			req.URL.Path = "/" + tt.path
			if name, value, ok := strings.Cut(tt.header, ": "); ok {
				req.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			f.Handler().ServeHTTP(w, req)
			res := w.Result()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tt.status {
				t.Fatalf("status %d, want %d (%v): %s", res.StatusCode, tt.status, err, body)
			}
			if got := res.Header.Get("Cache-Control"); tt.cache != "" && got != tt.cache {
				t.Errorf("Cache-Control is %q, want %q", got, tt.cache)
			}
			if tt.status == 200 && res.Header.Get("ETag") == "" {
				t.Error("there is no ETag")
			}
			if tt.body != "" && string(body) != tt.body {
				t.Errorf("the body has %d bytes, want %d", len(body), len(tt.body))
			}
		})
	}
}

// TestModifiedIsDate: apt compares the time of InRelease, so it must be the date.
func TestModifiedIsDate(t *testing.T) {
	f := newFixture(t)
	f.publish("nightly", writeDeb(t, "app", "1", "amd64", ""))
	g, err := f.readRelease("nightly")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"InRelease", "Release", "Release.gpg", "main/binary-amd64/Packages", "main/binary-amd64/Packages.gz"} {
		info, err := os.Stat(filepath.Join(f.root, "dists/nightly", name))
		if err != nil || !info.ModTime().Equal(g.date) {
			t.Errorf("%s was modified at %v, the release is of %v (%v)", name, info.ModTime(), g.date, err)
		}
	}
}
