package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// debCorpus writes packages as dpkg-deb of Debian 12 makes them, with xz for
// both members, into dir, and returns their paths. Each is one small file.
func debCorpus(ctx context.Context, dir, prefix string, count int) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var tars []string
	for i := range count {
		name := fmt.Sprintf("%s-%05d", prefix, i)
		for member, data := range map[string][]byte{"control": controlTar(name), "data": dataTar(name)} {
			path := filepath.Join(dir, name+"."+member)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				return nil, err
			}
			tars = append(tars, path)
		}
	}
	if err := xzAll(ctx, tars); err != nil {
		return nil, err
	}
	debs := make([]string, count)
	for i := range count {
		name := fmt.Sprintf("%s-%05d", prefix, i)
		debs[i] = filepath.Join(dir, name+"_1.0_amd64.deb")
		if err := assemble(debs[i], filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return debs, nil
}

// xzAll packs files in place, a thousand in one process: it is starting xz that takes long.
func xzAll(ctx context.Context, files []string) error {
	for len(files) > 0 {
		n := min(1000, len(files))
		if out, err := exec.CommandContext(ctx, "xz", append([]string{"-6"}, files[:n]...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("cannot pack the packages' members: %w: %s", err, out)
		}
		files = files[n:]
	}
	return nil
}

// assemble joins the packed members of base to a .deb, and removes them.
func assemble(deb, base string) error {
	out := bytes.NewBufferString("!<arch>\n")
	member := func(name string, data []byte) {
		fmt.Fprintf(out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", name, 1700000000, 0, 0, "100644", len(data), data)
		if len(data)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	member("debian-binary", []byte("2.0\n"))
	for _, name := range []string{"control", "data"} {
		path := base + "." + name + ".xz"
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		member(name+".tar.xz", data)
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return os.WriteFile(deb, out.Bytes(), 0o644)
}

func controlTar(name string) []byte {
	control := fmt.Sprintf("Package: %s\nVersion: 1.0\nArchitecture: amd64\nMaintainer: Example Team <team@example.com>\nInstalled-Size: 12\n"+
		"Depends: libc6 (>= 2.36), adduser, init-system-helpers (>= 1.54)\nSection: web\nPriority: optional\nHomepage: https://example.com/%s\n"+
		"Description: part %s of the sample of packages\n%s", name, name, name, strings.Repeat(" It has a description of some lines, as packages have,\n in which their authors say what they are for.\n .\n", 4))
	return tarOf("./", "", "./control", control, "./md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/"+name+"/README\n")
}

func dataTar(name string) []byte {
	return tarOf("./", "", "./usr/", "", "./usr/share/", "", "./usr/share/doc/", "", "./usr/share/doc/"+name+"/", "",
		"./usr/share/doc/"+name+"/README", strings.Repeat("This is "+name+".\n", 20))
}

// tarOf packs name, content pairs; a name that ends in a slash is a folder.
func tarOf(files ...string) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}
		if strings.HasSuffix(h.Name, "/") {
			h.Mode, h.Typeflag = 0o755, tar.TypeDir
		}
		_ = w.WriteHeader(h) // into memory
		_, _ = w.Write([]byte(files[i+1]))
	}
	_ = w.Close()
	return out.Bytes()
}
