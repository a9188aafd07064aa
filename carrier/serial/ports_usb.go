//go:build windows || (darwin && cgo)

package serial

import (
	"slices"
	"strings"

	"go.bug.st/serial/enumerator"
)

func listPorts() ([]Port, error) {
	details, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, err
	}
	var ports []Port
	for _, d := range details {
		ports = append(ports, Port{Name: d.Name, VID: strings.ToUpper(d.VID), PID: strings.ToUpper(d.PID),
			SerialNumber: d.SerialNumber, Product: d.Product})
	}
	slices.SortFunc(ports, func(a, b Port) int { return strings.Compare(a.Name, b.Name) })
	return ports, nil
}
