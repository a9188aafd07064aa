// Package student is the student system of LibMedium's documentation: an interface file,
// what is made of it, a daemon, and a program that finds students.
//
//	go run ./examples/student/daemon &
//	go run ./examples/student/find-student 7      # prints a name and an age
//	go run ./examples/student/find-student 8      # there is none
//	go run ./cmd/sig request --url unix:student.sock com.pcthingz.libmedium.student describe
//
// student.lmspc is LibMedium's own file. Package studentsystem was made from it, and is
// made again by go generate.
package student

//go:generate go run ../../cmd/sig gen student.lmspc -o .
