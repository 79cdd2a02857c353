package aptrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// Handler serves the repository to apt, at the root of its URL; mount it
// elsewhere with http.StripPrefix. What never changes under its name (packages,
// indices by hash) may be cached for ever, all else must be asked for each time.
func (r *Repository) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "read only", http.StatusMethodNotAllowed)
			return
		}
		serve(w, req, r.files, strings.TrimPrefix(req.URL.Path, "/"))
	})
}

func serve(w http.ResponseWriter, req *http.Request, files Files, name string) {
	if !fs.ValidPath(name) || !strings.HasPrefix(name, "dists/") && !strings.HasPrefix(name, "pool/") {
		http.NotFound(w, req)
		return
	}
	file, err := files.Open(name)
	if err != nil {
		refuse(w, req, err)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		refuse(w, req, errors.Join(err, fs.ErrNotExist))
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	if strings.HasPrefix(name, "pool/") || strings.Contains(name, "/by-hash/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
		whole(req)
	}
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(w, req, "", info.ModTime(), file)
}

// whole makes a request for a part of a file one for all of it. apt asks for what is
// missing of an InRelease that it was cut off from; told that nothing is, it
// takes what it has, dated now, and nothing that is published with an earlier
// date ever after (see Dates in the package comment).
func whole(req *http.Request) {
	req.Header.Del("Range")
	req.Header.Del("If-Range")
}

func refuse(w http.ResponseWriter, req *http.Request, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, req)
		return
	}
	http.Error(w, "cannot read the file", http.StatusInternalServerError)
}

func contentType(name string) string {
	switch {
	case strings.HasSuffix(name, ".deb"):
		return "application/vnd.debian.binary-package"
	case strings.HasSuffix(name, ".gz"):
		return "application/gzip"
	case strings.Contains(name, "/by-hash/"):
		return "application/octet-stream"
	}
	return "text/plain; charset=utf-8"
}
