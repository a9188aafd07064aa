// studentsystemd is the daemon of StudentSystem. It was made from student.lmspc to begin with, and is yours to change.
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

	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/studentsystem"
)

// A server answers the applications. Several of its methods may run at once.
type server struct{}

var _ studentsystem.Server = (*server)(nil)

// GetStudent answers get_student.
func (s *server) GetStudent(ctx context.Context, id string) (studentsystem.Student, error) {
	var result studentsystem.Student
	return result, errors.New("get_student is not written yet")
}

// UpdateStudent answers update_student.
func (s *server) UpdateStudent(ctx context.Context, info studentsystem.Student) error {
	return errors.New("update_student is not written yet")
}

func main() {
	listen := flag.String("listen", "tcp://127.0.0.1:3000", "`address` to listen at, for instance "+studentsystem.SocketURL)
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
	daemon, err := studentsystem.Serve(ctx, router, &server{})
	if err != nil {
		return err
	}
	defer daemon.Close()
	l, err := router.Listen(ctx, address)
	if err != nil {
		return err
	}
	log.Printf("StudentSystem is ready at %s", l.URL())

	// Here is the place for what the daemon does by itself. The applications are in
	// daemon.Applications(); daemon.TriggerStudentAdded and daemon.TriggerStudentAddedTo trigger an event for all of them or
	// for one.
	<-ctx.Done()
	return nil
}
