// Package idl reads interface files: one file that says what a daemon offers, from which
// package gen below makes both sides.
//
//	namespace com.example.school
//	class StudentSystem
//
//	/// A student of the school.
//	model Student {
//	    id: string
//	    name: string
//	    age: uint8
//	    photo?: binary
//	    grade: Grade = fair
//	}
//
//	enum Grade { good, fair, poor }
//
//	exception StudentNotFound
//
//	/// Finds a student.
//	method get_student(id: string): Student timeout 5s
//	method update_student(info: Student)
//
//	event student_added(time: double, info: Student)
//	retained event count(students: uint32)
//
// It is the language of LibMedium's .lmspc files, which are accepted as they are, with
// additions. docs/interface-files.md describes it.
package idl
