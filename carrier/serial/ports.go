package serial

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// A Port is a serial port of this machine.
type Port struct {
	Name         string // "/dev/ttyUSB0", "COM3"
	VID, PID     string // of the USB device, four upper-case hexadecimal digits each; "" when it is none
	SerialNumber string // of the USB device; "" when it has none
	Product      string // what the USB device calls itself; "" when it does not say
}

// URL returns an address for the port, without settings: by USB identity where it has
// one, so that the address stays right when the port is plugged in elsewhere.
func (p Port) URL() string {
	if p.VID == "" {
		return "serial://" + p.Name
	}
	u := "serial://usb/" + p.VID + ":" + p.PID
	if p.SerialNumber != "" {
		u += "?serial=" + url.QueryEscape(p.SerialNumber)
	}
	return u
}

// Ports lists the serial ports of this machine, sorted by name, USB or not. It opens none
// on Linux. Where USB identities cannot be had, on darwin without cgo and on the BSDs,
// the ports have names alone.
func Ports() ([]Port, error) {
	ports, err := listPorts()
	if err != nil {
		return nil, fmt.Errorf("serial: cannot list the ports: %w", err)
	}
	return ports, nil
}

// A usbID names a USB device. An empty serial matches any.
type usbID struct{ vid, pid, serial string }

func (id usbID) String() string {
	s := "usb " + id.vid + ":" + id.pid
	if id.serial != "" {
		s += " serial " + id.serial
	}
	return s
}

func (id usbID) matches(p Port) bool {
	return p.VID == id.vid && p.PID == id.pid && (id.serial == "" || p.SerialNumber == id.serial)
}

// parseUSB reads "2341:0043", in either case.
func parseUSB(s, serial string) (usbID, error) {
	vid, pid, ok := strings.Cut(s, ":")
	if !ok || !isHex4(vid) || !isHex4(pid) {
		return usbID{}, fmt.Errorf("%q is no USB identity; write serial://usb/VID:PID with four hexadecimal digits each, as in serial://usb/2341:0043", s)
	}
	return usbID{strings.ToUpper(vid), strings.ToUpper(pid), serial}, nil
}

func isHex4(s string) bool {
	_, err := strconv.ParseUint(s, 16, 16)
	return len(s) == 4 && err == nil
}

// find returns the name of the one port that the identity matches.
func (id usbID) find(list func() ([]Port, error)) (string, error) {
	ports, err := list()
	if err != nil {
		return "", err
	}
	var found []Port
	for _, p := range ports {
		if id.matches(p) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%s: %w", id, errAbsent)
	case 1:
		return found[0].Name, nil
	}
	return "", fmt.Errorf("%s is plugged in %d times, as %s and %s; add serial=… to the address to say which",
		id, len(found), found[0].Name, found[1].Name)
}
