//go:build !linux && !windows && !(darwin && cgo)

package serial

import (
	"slices"

	lib "go.bug.st/serial"
)

// listPorts knows names alone: the enumerator needs cgo on darwin and has nothing for
// the other systems.
func listPorts() ([]Port, error) {
	names, err := lib.GetPortsList()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var ports []Port
	for _, n := range names {
		ports = append(ports, Port{Name: n})
	}
	return ports, nil
}
