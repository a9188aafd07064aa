// schoold is the daemon of School. It was made from extended.lmspc to begin with, and is yours to change.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/sigrouter/sigrouter"

	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/school"
)

// A server answers the applications. Several of its methods may run at once.
type server struct{}

var _ school.Server = (*server)(nil)

// GetStudent answers get_student.
//
// Finds a student.
func (s *server) GetStudent(ctx context.Context, id string, deep bool) (school.Student, error) {
	var result school.Student
	return result, errors.New("get_student is not written yet")
}

// Search answers search.
func (s *server) Search(ctx context.Context, text string, limit *int32, order school.Grade) ([]school.Student, error) {
	var result []school.Student
	return result, errors.New("search is not written yet")
}

// CallClose answers close.
func (s *server) CallClose(ctx context.Context) error {
	return errors.New("close is not written yet")
}

// Describe answers describe.
func (s *server) Describe(ctx context.Context) (string, error) {
	var result string
	return result, errors.New("describe is not written yet")
}

func main() {
	listen := flag.String("listen", "tcp://127.0.0.1:3000", "`address` to listen at, for instance "+school.SocketURL)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string) error {
	router := sigrouter.NewServer()
	defer router.Close()
	daemon, err := school.Serve(ctx, router, &server{})
	if err != nil {
		return err
	}
	defer daemon.Close()
	l, err := router.Listen(ctx, address)
	if err != nil {
		return err
	}
	log.Printf("School is ready at %s", l.URL())

	// Here is the place for what the daemon does by itself. The applications are in
	// daemon.Applications(); daemon.TriggerStudentAdded and daemon.TriggerStudentAddedTo trigger an event for all of them or
	// for one.
	<-ctx.Done()
	return nil
}
