// Find-student prints a student of the student system, given an id.
//
//	go run ./examples/student/find-student 7
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/examples/student/studentsystem"
)

func main() {
	address := flag.String("url", "unix:student.sock", "where the daemon is")
	flag.Usage = func() { fmt.Println("Usage: find-student student_id") }
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := find(*address, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "find-student:", err)
		os.Exit(1)
	}
}

func find(address, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	router, err := sigrouter.Dial(ctx, address)
	if err != nil {
		return err
	}
	defer router.Close()
	students, err := studentsystem.Connect(router.Remote())
	if err != nil {
		return err
	}
	defer students.Close()

	student, err := students.GetStudent(ctx, id)
	if _, ok := errors.AsType[*studentsystem.StudentNotFound](err); ok {
		fmt.Printf("Could not find the student with id '%s'\n", id)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("Name: %s, %s\n", student.LastName, student.FirstName)
	fmt.Printf("Age: %d\n", student.Age)
	return nil
}
