//go:build !unix

package stdio

import (
	"io"
	"os"
	"sync"
)

// A standard is this process's standard input and output. Close does not end a Read that
// waits for input; that goroutine ends with the process.
type standard struct {
	released func() // called once it is closed; may be nil
	once     sync.Once
	lines    *io.PipeReader
	out      *os.File
}

func takeStandard() (io.ReadWriteCloser, error) {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, os.Stdin)
		w.CloseWithError(err)
	}()
	return &standard{lines: r, out: os.Stdout}, nil
}

// Read reads what is there.
func (s *standard) Read(p []byte) (int, error) { return s.lines.Read(p) }

// Write writes all of p.
func (s *standard) Write(p []byte) (int, error) { return s.out.Write(p) }

// Close ends Read and closes standard output.
func (s *standard) Close() (err error) {
	s.once.Do(func() {
		s.lines.CloseWithError(os.ErrClosed)
		err = s.out.Close()
		if s.released != nil {
			s.released()
		}
	})
	return err
}
