package serial

import (
	"fmt"

	lib "go.bug.st/serial"
)

func openDevice(name string, c *config, flush bool) (*opened, error) {
	p, err := lib.Open(name, &c.mode)
	if err != nil {
		return nil, explain(name, err)
	}
	o := &opened{device: &portDevice{port: p}, resets: true}
	o.notes = setLines(p, c, nil)
	if flush {
		if err := p.ResetInputBuffer(); err != nil {
			o.notes = append(o.notes, fmt.Sprintf("old input was not cleared: %v", err))
		}
	}
	return o, nil
}
