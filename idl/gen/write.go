package gen

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// writeAll writes files below a directory: all of them beside their places first, then
// each into its place, so that a full disk or a missing permission leaves what was there.
func writeAll(dir string, files []File) (err error) {
	var pending []renaming
	defer func() {
		for _, p := range pending {
			os.Remove(p.from) // what is in its place by now is not there
		}
	}()
	for _, f := range files {
		to := filepath.Join(dir, filepath.FromSlash(f.Path))
		if old, err := os.ReadFile(to); err == nil && (f.Once || bytes.Equal(old, f.Data)) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		from, err := writeBeside(to, f.Data)
		if err != nil {
			return err
		}
		pending = append(pending, renaming{from, to})
	}
	for _, p := range pending {
		if err := os.Rename(p.from, p.to); err != nil {
			return err
		}
	}
	return nil
}

type renaming struct{ from, to string }

// writeBeside writes a file next to the place where it is to be.
func writeBeside(to string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+"-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
