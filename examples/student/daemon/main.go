// Daemon is the daemon of the student system. It is a router of its own, at a Unix socket.
//
//	go run ./examples/student/daemon
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/examples/student/studentsystem"
)

// A server keeps the students. It answers several applications at once.
type server struct {
	mu       sync.Mutex
	students map[string]studentsystem.Student
	daemon   *studentsystem.Daemon
}

// GetStudent returns a student. An exception goes to the application as it is.
func (s *server) GetStudent(_ context.Context, id string) (studentsystem.Student, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	student, ok := s.students[id]
	if !ok {
		return student, &studentsystem.StudentNotFound{Message: "no student has the id " + id}
	}
	return student, nil
}

// UpdateStudent stores a student, and tells all applications of one that is new.
func (s *server) UpdateStudent(_ context.Context, info studentsystem.Student) error {
	s.mu.Lock()
	_, known := s.students[info.ID]
	s.students[info.ID] = info
	daemon := s.daemon
	s.mu.Unlock()
	if known || daemon == nil {
		return nil
	}
	return daemon.TriggerStudentAdded(float64(time.Now().UnixMilli())/1000, info)
}

func main() {
	address := flag.String("listen", "unix:student.sock", "where applications find the daemon")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string) error {
	router := sigrouter.NewServer()
	defer router.Close()
	s := &server{students: map[string]studentsystem.Student{
		"7": {ID: "7", FirstName: "Ada", LastName: "Lovelace", Age: 36},
	}}
	daemon, err := studentsystem.Serve(ctx, router, s)
	if err != nil {
		return err
	}
	defer daemon.Close()
	s.mu.Lock()
	s.daemon = daemon
	s.mu.Unlock()
	l, err := router.Listen(ctx, address)
	if err != nil {
		return err
	}
	fmt.Println("ready at", l.URL())
	<-ctx.Done()
	return nil
}
