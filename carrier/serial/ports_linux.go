package serial

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func listPorts() ([]Port, error) { return sysPorts("/sys", "/dev") }

// sysPorts lists what the kernel shows below sys/class/tty. The library's enumerator
// would open each on-board port to see whether it is there, which moves its DTR line,
// and gives up whole when one device vanishes meanwhile; it cannot be polled.
func sysPorts(sys, dev string) ([]Port, error) {
	class := filepath.Join(sys, "class", "tty")
	entries, err := os.ReadDir(class)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // no terminals at all
	}
	if err != nil {
		return nil, err
	}
	var ports []Port
	for _, e := range entries {
		device, err := filepath.EvalSymlinks(filepath.Join(class, e.Name(), "device"))
		if err != nil {
			continue // a console or pseudo terminal, or unplugged this moment
		}
		if absentUART(filepath.Join(class, e.Name())) {
			continue
		}
		p := Port{Name: filepath.Join(dev, e.Name())}
		p.describe(device, sys)
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b Port) int { return strings.Compare(a.Name, b.Name) })
	return ports, nil
}

// absentUART tells the placeholders ttyS0 to ttyS31 from ports that exist: the kernel gives
// them no type.
func absentUART(tty string) bool {
	return readAttr(tty, "type") == "0"
}

// describe looks for the USB device that the port belongs to: the nearest directory
// at or above its own that has a vendor's number.
func (p *Port) describe(device, sys string) {
	for dir := device; len(dir) > len(sys); dir = filepath.Dir(dir) {
		vid, pid := readAttr(dir, "idVendor"), readAttr(dir, "idProduct")
		if vid == "" || pid == "" {
			continue
		}
		p.VID, p.PID = strings.ToUpper(vid), strings.ToUpper(pid)
		p.SerialNumber, p.Product = readAttr(dir, "serial"), readAttr(dir, "product")
		return
	}
}

func readAttr(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
