package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/carrier/serial"
)

// A listedPort is what sig ports --json prints.
type listedPort struct {
	URL          string `json:"url"`
	Name         string `json:"name"`
	VID          string `json:"vid,omitempty"`
	PID          string `json:"pid,omitempty"`
	SerialNumber string `json:"serial,omitempty"`
	Product      string `json:"product,omitempty"`
}

func (a *app) portsCommand() *cobra.Command {
	var out outputFlags
	cmd := &cobra.Command{
		Use:   "ports",
		Short: "List the serial ports that are plugged in, with their addresses",
		Long: `Lists the serial ports of this machine, each with the address for --listen. A USB device
is named by what it is, so that the address stays right wherever it is plugged in.`,
		Example: `  sig ports
  sig serve --listen 'serial://usb/2341:0043?baud=9600&sender=thermo&event=line'`,
		Args: args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			p, err := a.printer(out)
			if err != nil {
				return err
			}
			ports, err := serial.Ports()
			if err != nil {
				return err
			}
			if len(ports) == 0 && !p.json {
				a.note("no serial port is plugged in")
			}
			return printPorts(p, ports)
		},
	}
	out.add(cmd.Flags())
	out.complete(cmd)
	return cmd
}

func printPorts(p *printer, ports []serial.Port) error {
	for _, port := range ports {
		var err error
		if p.json {
			err = p.object(listedPort{port.URL(), port.Name, port.VID, port.PID, port.SerialNumber, port.Product})
		} else {
			text := fmt.Sprintf("%-40s %s %s", p.styled(styleName, port.URL()), port.Name, port.Product)
			err = p.line(strings.TrimRight(text, " "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
