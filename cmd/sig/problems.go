package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// problems is what is wrong with the settings of sig serve. The zero value has none.
type problems struct {
	order []string // the settings of the file, as they stand there
	list  []problem
}

// A problem is one setting, as the file calls it, that is wrong.
type problem struct {
	setting string
	err     error
}

// add takes what is wrong with a setting; nil is nothing.
func (p *problems) add(setting string, err error) {
	if err != nil {
		p.list = append(p.list, problem{setting, err})
	}
}

// has reports whether something is known to be wrong with one of these settings: what
// follows from that is not worth a line.
func (p *problems) has(settings ...string) bool {
	return slices.ContainsFunc(p.list, func(x problem) bool { return slices.Contains(settings, x.setting) })
}

// err returns all problems, those of the file in its order and the others behind; nil for
// none.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	place := func(x problem) int {
		if i := slices.Index(p.order, x.setting); i >= 0 {
			return i
		}
		return len(p.order)
	}
	slices.SortStableFunc(p.list, func(a, b problem) int { return cmp.Compare(place(a), place(b)) })
	var all severalErrors
	for _, x := range p.list {
		all = append(all, x.err)
	}
	return all
}

// severalErrors are errors that are reported one a line.
type severalErrors []error

func (e severalErrors) Error() string {
	var lines []string
	for _, err := range e {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

func (e severalErrors) Unwrap() []error { return e }

// each returns the errors that err is made of.
func each(err error) []error {
	if all, ok := errors.AsType[severalErrors](err); ok {
		return all
	}
	return []error{err}
}
