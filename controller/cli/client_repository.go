package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
)

// publish sends packages to the daemon, which publishes all of them in one step.
func (c *client) publish(ctx context.Context, suite string, files ...string) ([]packageLine, error) {
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("cannot publish to %s: %w", suite, err)
		}
	}
	body, into := io.Pipe()
	form := multipart.NewWriter(into)
	written := make(chan error, 1)
	go func() {
		err := writePackages(form, files)
		written <- into.CloseWithError(err)
	}()
	answer, err := c.transfer(ctx, http.MethodPost, suitePath(suite), form.FormDataContentType(), body)
	_ = body.Close() // ends the writer, where the daemon did not want all of it; never fails
	<-written
	if err != nil {
		return nil, err
	}
	return itemsIn[packageLine](answer)
}

// writePackages writes each package as a part of a form.
func writePackages(form *multipart.Writer, files []string) error {
	for _, file := range files {
		part, err := form.CreateFormFile("package", filepath.Base(file))
		if err == nil {
			err = copyFile(part, file)
		}
		if err != nil {
			return err
		}
	}
	return form.Close()
}

func copyFile(to io.Writer, file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(to, f)
	return err
}

func suitePath(suite string) string { return "/v1/suites/" + url.PathEscape(suite) + "/packages" }

// promote has the daemon copy a version from one suite to another.
func (c *client) promote(ctx context.Context, name, version, from, to string) ([]packageLine, error) {
	return itemsOf[packageLine](ctx, c, http.MethodPost, "/v1/repository/promote",
		map[string]string{"package": name, "version": version, "from": from, "to": to})
}

// remove has the daemon take a version out of a suite.
func (c *client) remove(ctx context.Context, suite, name, version string) error {
	return c.ask(ctx, http.MethodDelete, suitePath(suite)+"/"+url.PathEscape(name)+"/"+url.PathEscape(version), nil, nil)
}

// sign has the daemon sign all suites anew.
func (c *client) sign(ctx context.Context) error {
	return c.post(ctx, "/v1/repository/sign", nil, nil)
}

// prune has the daemon do it, which knows what hosts need.
func (c *client) prune(ctx context.Context, keep int) ([]prunedLine, error) {
	return itemsOf[prunedLine](ctx, c, http.MethodPost, "/v1/repository/prune", map[string]int{"keep": keep})
}
