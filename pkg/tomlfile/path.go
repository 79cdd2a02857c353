package tomlfile

import (
	"os"
	"path/filepath"
	"strings"
)

// Path returns a path that the file names as one that can be opened: "~/" is the
// user's home, and what is relative is so to the file's folder, wherever the
// program was started. An empty path stays empty.
func (f *File) Path(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.name), path)
}
